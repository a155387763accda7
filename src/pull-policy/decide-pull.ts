import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { goQuote } from '../internal/index.js';

/**
 * An event as kubelet records it.
 *
 * @public
 */
export interface PullPolicyEvent {
  /** The type that kubelet gives it: `Normal` for `Pulled`, `Warning` for `ErrImageNeverPull`. */
  readonly type: 'Normal' | 'Warning';
  /** Kubelet's word for what happened, the `reason` of the Event. */
  readonly reason: 'Pulled' | 'ErrImageNeverPull';
  /** Kubelet's text, the `message` of the Event. */
  readonly message: string;
}

/**
 * What is known when kubelet has to decide between using, pulling and failing.
 *
 * @public
 */
export interface PullQuestion {
  /** The image as the pod has it; messages quote it. */
  readonly image: string;
  /** The container's policy. A text that is no policy acts as an absent image: it is pulled. */
  readonly policy: string;
  /** Whether the runtime knows the image. Not looked at when {@link needsImageStatus} is false. */
  readonly present: boolean;
  /**
   * Whether kubelet verifies credentials for images that are present (feature gate `KubeletEnsureSecretPulledImages`,
   * on since 1.35).
   *
   * @defaultValue `true`
   */
  readonly verifiesCredentials?: boolean | undefined;
  /**
   * Whether the pod must show that it may use the present image: `mustPull` of `decideMustPull`. Looked at only when
   * credentials are verified.
   *
   * @defaultValue `false`
   */
  readonly mustPull?: boolean | undefined;
}

/**
 * What kubelet does: use the image that is there, pull, or fail. A message is what it returns, an event what it records.
 *
 * @public
 */
export type PullDecision =
  | {
      readonly action: 'use';
      readonly reason: 'present' | 'verified';
      readonly message: string;
      readonly event: PullPolicyEvent;
    }
  | {
      readonly action: 'pull';
      readonly reason: 'always' | 'absent' | 'must-verify' | 'unknown-policy';
    }
  | {
      readonly action: 'fail';
      readonly reason: 'absent' | 'must-verify';
      /** Kubelet's word for it, in the waiting state of the container. */
      readonly waitingReason: 'ErrImageNeverPull';
      readonly message: string;
      readonly event: PullPolicyEvent;
    };

/**
 * Tells whether kubelet asks the runtime for the image before it decides.
 *
 * @param policy - the container's policy
 * @returns `true` for `IfNotPresent` and `Never`. For `Always` it does not ask: it pulls, and leaves it to the runtime to
 * notice that everything is there
 * @example
 * ```ts
 * import { needsImageStatus } from 'kubepull/pull-policy';
 *
 * needsImageStatus('Always'); // false
 * ```
 * @see imagePullPrecheck in kubernetes pkg/kubelet/images/image_manager.go, v1.35
 * @public
 */
export function needsImageStatus(policy: string): boolean {
  check('Cannot judge a pull policy', { policy }, { policy: is.text });
  return policy === 'IfNotPresent' || policy === 'Never';
}

/**
 * Decides what kubelet does with an image at the start of a container, with its words for it.
 *
 * With `Never`, an image that the pod may not use fails with the same text as one that is absent: presence is not told.
 *
 * @param question - policy, presence, and what the verification of credentials found
 * @returns the action and its reason, and for all but a pull the message and event
 * @example
 * ```ts
 * import { decidePull } from 'kubepull/pull-policy';
 *
 * decidePull({ image: 'app:1', policy: 'IfNotPresent', present: false }).action; // 'pull'
 * decidePull({ image: 'app:1', policy: 'Never', present: false }).action; // 'fail'
 * ```
 * @see EnsureImageExists, imagePullPrecheck in kubernetes pkg/kubelet/images/image_manager.go, v1.35
 * @public
 */
export function decidePull(question: PullQuestion): PullDecision {
  check('Cannot decide a pull', question, {
    image: is.text,
    policy: is.text,
    present: is.bool,
    verifiesCredentials: is.optional(is.bool),
    mustPull: is.optional(is.bool),
  });
  const { image, policy, present, verifiesCredentials = true, mustPull = false } = question;
  if (policy === 'Always') return { action: 'pull', reason: 'always' };
  if (!needsImageStatus(policy)) return { action: 'pull', reason: 'unknown-policy' };
  if (present && !verifiesCredentials) return use(image, 'present');
  if (present && !mustPull) return use(image, 'verified');
  const reason = present ? 'must-verify' : 'absent';
  return policy === 'Never' ? neverPull(image, reason) : { action: 'pull', reason };
}

function use(image: string, reason: 'present' | 'verified'): PullDecision {
  const access = reason === 'verified' ? ' and can be accessed by the pod' : '';
  const message = `Container image ${goQuote(image)} already present on machine${access}`;
  return { action: 'use', reason, message, event: { type: 'Normal', reason: 'Pulled', message } };
}

function neverPull(image: string, reason: 'absent' | 'must-verify'): PullDecision {
  const waitingReason = 'ErrImageNeverPull';
  const message = `Container image ${goQuote(image)} is not present with pull policy of Never`;
  return { action: 'fail', reason, waitingReason, message, event: { type: 'Warning', reason: waitingReason, message } };
}
