/**
 * Pull policies: the API server's defaults, the rules of admission, and what kubelet does with each at run time.
 *
 * @packageDocumentation
 */
export {
  decidePullPolicy,
  defaultPullPolicy,
  type PullPolicyDecision,
  type PullPolicyReason,
} from './decide-pull-policy.js';
export {
  type ContainerPullPolicy,
  type DefaultedPod,
  type DefaultedWorkload,
  defaultPodPullPolicies,
  defaultWorkloadPullPolicies,
} from './default-pod.js';
export { decidePolicyAfterUpdate, type PullPolicyUpdate, type UpdatedPullPolicy } from './policy-after-update.js';
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
