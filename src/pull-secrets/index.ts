/**
 * Pull secrets: which a pod uses, what they hold together, how kubectl writes them and what the API server says of them.
 *
 * @packageDocumentation
 */
export { admitServiceAccount, type ServiceAccountAdmission } from './admit-service-account.js';
export { admitStaticPod } from './admit-static-pod.js';
export { createPullSecret } from './create-pull-secret.js';
export { toDockerConfigJson } from './docker-config-json.js';
export { mergePullSecrets } from './merge-pull-secrets.js';
export { selectPullSecrets } from './select-pull-secrets.js';
export {
  type CreatePullSecretOptions,
  type DockerConfigDocument,
  type MergedPullSecrets,
  type MergePullSecretsOptions,
  type OmittedEntry,
  type PullSecretManifest,
  type SecretFieldError,
  type SecretLike,
  type SecretValidation,
  type MissingSecretsEvent,
  type SelectedPullSecrets,
  type ServiceAccountLike,
  type SkippedSecret,
} from './types.js';
export { validateSecret } from './validate-secret.js';
