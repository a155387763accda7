import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { aggregate, unsupported } from '../internal/index.js';
import { copyWith, mapPodImages, podImages, podKind } from '../kubernetes/inner.js';
import type { ImageUser, PodLike } from '../kubernetes/index.js';

/**
 * What the admission plugin `AlwaysPullImages` looks at besides the pod.
 *
 * @public
 */
export interface AlwaysPullImagesOptions {
  /**
   * The pod before the update; absent at creation. The plugin leaves an update alone that brings no container a new image,
   * whatever became of image volumes.
   */
  readonly oldPod?: PodLike | undefined;
  /** The subresource of the request, such as `ephemeralcontainers`; the plugin acts only where there is none. */
  readonly subresource?: string | undefined;
}

/**
 * What the plugin made of a pod.
 *
 * @public
 */
export interface AlwaysPullImagesMutation<P extends PodLike> {
  /** A new object with every policy `Always`; the input itself when the request is ignored. */
  readonly pod: P;
  /** Why the plugin left the request alone; `undefined` when it acted. */
  readonly ignored: 'subresource' | 'no-new-image' | undefined;
}

/**
 * What the plugin says to a pod.
 *
 * @public
 */
export interface AlwaysPullImagesVerdict {
  /** Why the plugin leaves the request alone; `undefined` when it checks it. */
  readonly ignored: 'subresource' | 'no-new-image' | undefined;
  /** One text for each container and image volume whose policy is not `Always`; none when the pod is admitted. */
  readonly errors: readonly string[];
  /** The whole text of the refusal; `undefined` when the pod is admitted. */
  readonly message: string | undefined;
}

/**
 * Sets every pull policy of a pod to `Always`, that of image volumes too, as the mutating half of the admission plugin `AlwaysPullImages`.
 *
 * An update that brings no new image is left alone: the image of every container must be one of a container of the old pod,
 * at whatever place. Image volumes do not count for that: neither is a changed reference new, nor is an image old because a
 * volume had it.
 * The plugin looks at pods only; a template is not touched, the pods made from it are.
 *
 * @param pod - the pod as sent; it is not changed
 * @param options - the pod before, for an update
 * @returns a pod, and why nothing was done when so
 * @example
 * ```ts
 * import { mutateAlwaysPullImages } from 'kubepull/pull-policy';
 *
 * const pod = { spec: { containers: [{ name: 'web', image: 'nginx:1', imagePullPolicy: 'Never' }] } };
 * mutateAlwaysPullImages(pod).pod.spec.containers[0]?.imagePullPolicy; // 'Always'
 * ```
 * @see AlwaysPullImages.Admit in kubernetes plugin/pkg/admission/alwayspullimages/admission.go
 * @public
 */
export function mutateAlwaysPullImages<P extends PodLike>(
  pod: P,
  options: AlwaysPullImagesOptions = {},
): AlwaysPullImagesMutation<P> {
  checkRequest(pod, options);
  const ignored = whyIgnored(pod, options);
  if (ignored !== undefined || !pod.spec) return { pod, ignored };
  const spec = mapPodImages(pod.spec, 'spec', () => ({ policy: 'Always' }));
  return { pod: copyWith(pod, { spec } as Partial<P>), ignored };
}

/**
 * Checks that every pull policy of a pod is `Always`, as the validating half of the admission plugin
 * `AlwaysPullImages`, which runs after all that mutate.
 *
 * @param pod - the pod after mutation
 * @param options - the pod before, for an update
 * @returns the texts of the refusal, none when the pod is admitted
 * @example
 * ```ts
 * import { validateAlwaysPullImages } from 'kubepull/pull-policy';
 *
 * const spec = { containers: [{ name: 'web', image: 'nginx', imagePullPolicy: 'Never' }] };
 * validateAlwaysPullImages({ metadata: { name: 'web' }, spec }).message; // pods "web" is forbidden: …
 * ```
 * @see AlwaysPullImages.Validate in kubernetes plugin/pkg/admission/alwayspullimages/admission.go
 * @public
 */
export function validateAlwaysPullImages(pod: PodLike, options: AlwaysPullImagesOptions = {}): AlwaysPullImagesVerdict {
  checkRequest(pod, options);
  const ignored = whyIgnored(pod, options);
  if (ignored !== undefined) return { ignored, errors: [], message: undefined };
  const wrong = podImages(pod.spec).filter(({ policy }) => policy !== 'Always');
  const errors = wrong.map((user) => refusal(pod, user));
  return { ignored, errors, message: errors.length === 0 ? undefined : aggregate(errors) };
}

function checkRequest(pod: PodLike, options: AlwaysPullImagesOptions): void {
  check('Cannot admit a pod', { pod }, { pod: podKind });
  check('Cannot admit a pod', options, {
    oldPod: is.optional(podKind),
    subresource: is.optional(is.text),
  });
}

function refusal(pod: PodLike, { kind, path, policy }: ImageUser): string {
  const name = pod.metadata?.name || pod.metadata?.generateName || 'Unknown';
  const field = kind === 'volume' ? `${path}.pullPolicy` : `${path}.imagePullPolicy`;
  return `pods "${name}" is forbidden: ${unsupported(field, policy, ['Always']).message}`;
}

function whyIgnored(pod: PodLike, options: AlwaysPullImagesOptions): AlwaysPullImagesVerdict['ignored'] {
  if (options.subresource) return 'subresource';
  if (options.oldPod === undefined) return undefined;
  const old = containerImages(options.oldPod);
  return [...containerImages(pod)].every((image) => old.has(image)) ? 'no-new-image' : undefined;
}

function containerImages(pod: PodLike): ReadonlySet<string> {
  const containers = podImages(pod.spec).filter(({ kind }) => kind !== 'volume');
  return new Set(containers.map(({ image }) => image));
}
