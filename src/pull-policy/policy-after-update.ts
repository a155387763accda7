import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { decidePullPolicy, type PullPolicyReason } from './decide-pull-policy.js';
import type { ContainerLike } from '../kubernetes/index.js';

/**
 * An update of a container's image or policy, as a client sends it.
 *
 * @public
 */
export interface PullPolicyUpdate {
  /** A running pod, whose policy is fixed, or a template, whose policy may change. */
  readonly object: 'pod' | 'template';
  /** `patch` names what changes (patch, apply, edit); `replace` sends the whole object (PUT). */
  readonly operation: 'patch' | 'replace';
  /** The container as the API server has it: its policy is filled in. */
  readonly stored: ContainerLike;
  /** The container as sent. In a patch, an absent field stays as stored, and `null` removes the policy. */
  readonly request: {
    readonly image?: string | undefined;
    readonly imagePullPolicy?: string | null | undefined;
  };
}

/**
 * A container's policy after an update.
 *
 * @public
 */
export interface UpdatedPullPolicy {
  /** The image after the update, empty when the request leaves the container without one. */
  readonly image: string;
  /** The policy that the update amounts to. */
  readonly policy: string;
  /** `stored`: kept; `explicit`: sent; else the reason of the default, which was decided anew. */
  readonly reason: 'stored' | PullPolicyReason;
  /** Whether the policy differs from the stored one. */
  readonly changed: boolean;
  /** Whether the API server refuses the update, because the policy of an existing pod would change. */
  readonly refused: boolean;
}

/**
 * Tells what becomes of a container's pull policy when its object is updated.
 *
 * Defaults fill empty fields only, at every reading of a request. So a patch of the image leaves the policy that was
 * stored at creation, whatever the new tag; a replacement that leaves the field out gets the default of the new image.
 *
 * @param update - what is stored, and what is sent
 * @returns the policy after the update, whether it changed, and whether the update is refused
 * @example
 * ```ts
 * import { decidePolicyAfterUpdate } from 'kubepull/pull-policy';
 *
 * const stored = { image: 'app:1', imagePullPolicy: 'IfNotPresent' };
 * const request = { image: 'app:latest' };
 * decidePolicyAfterUpdate({ object: 'template', operation: 'patch', stored, request }).policy; // 'IfNotPresent'
 * decidePolicyAfterUpdate({ object: 'template', operation: 'replace', stored, request }).policy; // 'Always'
 * ```
 * @see SetDefaults_Container in kubernetes pkg/apis/core/v1/defaults.go, v1.32
 * @public
 */
export function decidePolicyAfterUpdate(update: PullPolicyUpdate): UpdatedPullPolicy {
  check('Cannot update a pull policy', update, {
    object: is.oneOf('pod', 'template'),
    operation: is.oneOf('patch', 'replace'),
    stored: is.shape({ image: is.nullable(is.text), imagePullPolicy: is.nullable(is.text) }),
    request: is.shape({ image: is.nullable(is.text), imagePullPolicy: is.nullable(is.text) }),
  });
  const { object, operation, stored, request } = update;
  const isPatch = operation === 'patch';
  const image = request.image ?? (isPatch ? stored.image : undefined) ?? '';
  const keepsStored = isPatch && request.imagePullPolicy === undefined;
  const sent = (keepsStored ? stored.imagePullPolicy : request.imagePullPolicy) ?? '';
  const decision = decidePullPolicy(image, sent);
  const changed = decision.policy !== (stored.imagePullPolicy ?? '');
  return {
    image,
    policy: decision.policy,
    reason: keepsStored && decision.reason === 'explicit' ? 'stored' : decision.reason,
    changed,
    refused: changed && object === 'pod',
  };
}
