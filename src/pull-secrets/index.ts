/**
 * Pull secrets: which a pod uses, what they hold together, what the API server says of them; and how they are made, updated and
 * brought to namespaces.
 *
 * @packageDocumentation
 */
export { admitServiceAccount, type ServiceAccountAdmission } from './admit-service-account.js';
export { admitStaticPod } from './admit-static-pod.js';
export { createPullSecret } from './create-pull-secret.js';
export {
  applyPullSecretUpdate,
  EXPIRES_AT_ANNOTATION,
  getPullSecretExpiry,
  type PullSecretChange,
  type PullSecretUpdate,
  type UpdatedPullSecret,
} from './update-pull-secret.js';
export {
  type AskHelper,
  type OmittedRegistry,
  type ResolvedEntries,
  resolvePullSecretEntries,
  type ResolvePullSecretEntriesOptions,
} from './resolve-entries.js';
export {
  COPIED_FROM_ANNOTATION,
  planSecretCopies,
  type PlanSecretCopiesOptions,
  type SecretCopy,
  type SecretCopyStep,
} from './plan-copies.js';
export { toDockerConfigJson } from './docker-config-json.js';
export { mergePullSecrets } from './merge-pull-secrets.js';
export { selectPullSecrets } from './select-pull-secrets.js';
export {
  type CreatePullSecretOptions,
  type DockerConfigDocument,
  type MergedPullSecrets,
  type MergePullSecretsOptions,
  type OmittedEntry,
  type PullSecretEntry,
  type PullSecretFromEntriesOptions,
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
