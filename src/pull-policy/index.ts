/**
 * Pull policies: the API server's defaults, the rules of admission, and what kubelet does with each at run time.
 *
 * @packageDocumentation
 */
export {
  type ContainerLike,
  type ImageVolumeLike,
  type JobTemplateLike,
  type LocalObjectReferenceLike,
  type MetadataLike,
  type PodLike,
  type PodSpecLike,
  type PodTemplateLike,
  type PullPolicy,
  type VolumeLike,
  type WorkloadLike,
  type WorkloadSpecLike,
} from '../kubernetes/types.js';
export {
  decidePullPolicy,
  defaultPullPolicy,
  type PullPolicyDecision,
  type PullPolicyReason,
} from './decide-pull-policy.js';
export { type ImageUserKind } from '../kubernetes/pod-images.js';
export {
  type ContainerPullPolicy,
  type DefaultedPod,
  type DefaultedWorkload,
  defaultPodPullPolicies,
  defaultWorkloadPullPolicies,
} from './default-pod.js';
export { policyAfterUpdate, type PullPolicyUpdate, type UpdatedPullPolicy } from './policy-after-update.js';
export {
  decidePull,
  needsImageStatus,
  type PullDecision,
  type PullPolicyEvent,
  type PullQuestion,
} from './decide-pull.js';
export { type FieldError } from '../internal/index.js';
export { type PullPolicyValidation, validatePullPolicies, type ValidatePullPoliciesOptions } from './validate.js';
export {
  type AlwaysPullImagesMutation,
  type AlwaysPullImagesOptions,
  type AlwaysPullImagesVerdict,
  mutateAlwaysPullImages,
  validateAlwaysPullImages,
} from './always-pull-images.js';
export { type AllowlistPattern, type AllowlistRelease, matchAllowlist, parseAllowlist } from '../image-access/allowlist.js';
export {
  type CredentialVerificationPolicy,
  DEFAULT_VERIFICATION_POLICY,
  requiresCredentialVerification,
  type VerificationOptions,
} from '../image-access/verification.js';
export {
  type ImagePullCredentials,
  type ImagePulledRecord,
  mergePullCredentials,
  type ObjectCoordinates,
  type PulledWith,
  type RecordedSecret,
  recordPull,
  toPullCredentials,
} from '../image-access/records.js';
export {
  decideMustPull,
  MAX_RECORDED_SECRETS,
  type MustPullDecision,
  type MustPullQuestion,
  type PodPullCredentials,
} from '../image-access/must-pull.js';
export { credentialHash } from '../image-access/credential-hash.js';
