import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { type ImageReference, safeParseReference } from '../reference/index.js';
import type { PullPolicy } from '../kubernetes/index.js';

/**
 * Why a container has the pull policy that it has: its own field, or what its image says.
 *
 * @public
 */
export type PullPolicyReason = 'explicit' | 'latest-tag' | 'no-tag' | 'other-tag' | 'digest' | 'unparseable';

/**
 * A pull policy and its reason.
 *
 * @public
 */
export interface PullPolicyDecision<P extends string = PullPolicy> {
  /** The image as written; empty when there is none. */
  readonly image: string;
  /** The policy. An explicit one is kept even if there is no such policy; validation refuses it. */
  readonly policy: P;
  /** Where the policy comes from: the object itself, or what the image says. */
  readonly reason: PullPolicyReason;
}

/**
 * Decides the pull policy of a container or image volume as the API server's defaulting does.
 *
 * Only the tag decides, even in front of a digest: `app:latest@sha256:…` is pulled always, although the documentation
 * says otherwise. An image that cannot be parsed gets `IfNotPresent`; it fails later, when it is pulled.
 *
 * @param image - the `image` of a container, or the `reference` of an image volume, as written
 * @param explicit - the policy that the object names; an empty text counts as none
 * @returns the policy and why
 * @example
 * ```ts
 * import { decidePullPolicy } from 'kubepull/pull-policy';
 *
 * decidePullPolicy('nginx'); // { image: 'nginx', policy: 'Always', reason: 'no-tag' }
 * decidePullPolicy('nginx', 'Never').reason; // 'explicit'
 * ```
 * @see SetDefaults_Container in kubernetes pkg/apis/core/v1/defaults.go, v1.32
 * @public
 */
export function decidePullPolicy<E extends string = PullPolicy>(
  image: string | undefined,
  explicit?: E,
): PullPolicyDecision<PullPolicy | E> {
  check(
    'Cannot decide a pull policy',
    { image, explicit },
    { image: is.nullable(is.text), explicit: is.nullable(is.text) },
  );
  const text = image ?? '';
  if (explicit) return { image: text, policy: explicit, reason: 'explicit' };
  const parsed = safeParseReference(text);
  const reason = reasonOf(parsed.ok ? parsed.value : undefined);
  return { image: text, policy: policyFor(reason), reason };
}

/** The policy of an image that is parsed already; `undefined` for one that cannot be. */
export function pullPolicyOf(ref: ImageReference | undefined, explicit: string | null | undefined): string {
  return explicit || policyFor(reasonOf(ref));
}

function policyFor(reason: PullPolicyReason): PullPolicy {
  return reason === 'latest-tag' || reason === 'no-tag' ? 'Always' : 'IfNotPresent';
}

function reasonOf(ref: ImageReference | undefined): PullPolicyReason {
  if (ref === undefined) return 'unparseable';
  const { tag, digest } = ref;
  if (tag === 'latest') return 'latest-tag';
  if (tag !== undefined) return 'other-tag';
  return digest === undefined ? 'no-tag' : 'digest';
}

/**
 * Returns the pull policy that the API server gives a container which does not name one.
 *
 * An image that cannot be parsed gets `IfNotPresent`; it fails later, when it is pulled.
 *
 * @param image - the container's `image` field, as written
 * @returns `Always` for the tag `latest`, or for neither tag nor digest; else `IfNotPresent`
 * @example
 * ```ts
 * import { defaultPullPolicy } from 'kubepull/pull-policy';
 *
 * defaultPullPolicy('nginx:1.27'); // 'IfNotPresent'
 * ```
 * @see SetDefaults_Container in kubernetes pkg/apis/core/v1/defaults.go, v1.32
 * @public
 */
export function defaultPullPolicy(image: string): PullPolicy {
  check('Cannot decide a pull policy', { image }, { image: is.text });
  return decidePullPolicy(image).policy;
}
