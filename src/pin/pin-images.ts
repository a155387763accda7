import type { CallOptions } from '../clock/index.js';
import { type Digest, isDigest } from '../digest/index.js';
import { type AnyImageError, ImageError, isImageError } from '../errors/index.js';
import { check, reasonOf } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { hideUserInfo, linkAbort, quote, untilAbort } from '../internal/index.js';
import { findPods, mapPodImages, mapPods, podImages, podKind } from '../kubernetes/inner.js';
import { formatReference, type ImageReference, safeParseReference, withDefaultTag } from '../reference/index.js';

/**
 * Tells the digest of what a tag names now, such as `resolveManifest` of `kubepull/distribution` does; `undefined` when there is no
 * such image.
 *
 * @param ref - the image, with its tag, which is `latest` where the object has none
 * @public
 */
export type ResolveDigest = (
  ref: ImageReference,
  options: CallOptions,
) => Promise<string | undefined> | string | undefined;

/**
 * How images are pinned.
 *
 * @public
 */
export interface PinOptions extends CallOptions {
  /** How many images are asked for at the same time. @defaultValue 4 */
  readonly concurrency?: number | undefined;
  /** Tells whether an image, as it is written, is to be pinned. @defaultValue all are */
  readonly only?: ((image: string) => boolean) | undefined;
}

/**
 * An image that was pinned.
 *
 * @public
 */
export interface PinChange {
  /** Where it stands, such as `items[0].spec.template.spec.containers[1].image`. */
  readonly path: string;
  /** The image as it was written. */
  readonly from: string;
  /** The image with its tag and digest, such as `nginx:1.27@sha256:…`. */
  readonly to: string;
  /** The digest that it is pinned to. */
  readonly digest: Digest;
}

/**
 * An image that was left as it is.
 *
 * @public
 */
export interface LeftImage {
  /** Where it stands, as in {@link PinChange}. */
  readonly path: string;
  /** Without user and password, which people write in front of a registry. */
  readonly image: string;
  /** `pinned`: it has a digest. `invalid`: it is no image name, or empty. `skipped`: `only` did not want it. `not-found` and `failed`: `resolve` had no digest. */
  readonly reason: 'pinned' | 'invalid' | 'skipped' | 'not-found' | 'failed';
  /** The reason in words. */
  readonly message: string;
  /** What `resolve` failed with, or why the name cannot be read. */
  readonly error: AnyImageError | undefined;
}

/**
 * An object with its images pinned, and what was done.
 *
 * @public
 */
export interface PinnedObject<T> {
  /** A new object; what did not change is shared with the input. */
  readonly object: T;
  /** In the order of the object; within a pod init containers, containers, ephemeral containers and image volumes. */
  readonly changes: readonly PinChange[];
  /** In the same order. */
  readonly left: readonly LeftImage[];
}

const ACTION = 'Cannot pin images';
const CONCURRENCY = 4;

/**
 * Puts digests behind the tags of all images of an object: of a pod, of a template of any workload, of every object of a List, or
 * of the documents of a file; image volumes too.
 *
 * The tag stays in front of the digest, which alone decides what is pulled: people and `imagePullPolicy` still read it. Where there is
 * no tag, the one that kubelet would add, `latest`, is written. An image that has a digest is left alone, so a second run
 * changes nothing. Each image is asked for once, however it is written and however often it occurs.
 *
 * @param object - the object; it is not changed
 * @param resolve - tells the digest of a tag. An {@link ImageError} that it throws leaves the image as it is, and is told
 * @param options - how many are asked for at once, and a signal
 * @returns the object with digests, each change, and each image that was left with the reason
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an object without a pod in it, and for a digest that is none
 * @example
 * ```ts
 * import { pinImages } from 'kubepull/pin';
 *
 * const pod = { kind: 'Pod', spec: { containers: [{ name: 'web', image: 'nginx:1.27' }] } };
 * const { object, changes } = await pinImages(pod, () => `sha256:${'0'.repeat(64)}`);
 * object.spec.containers[0]?.image; // 'nginx:1.27@sha256:0000…'
 * changes[0]?.path; // 'spec.containers[0].image'
 * ```
 * @public
 */
export async function pinImages<T extends object>(
  object: T,
  resolve: ResolveDigest,
  options: PinOptions = {},
): Promise<PinnedObject<T>> {
  check(ACTION, { resolve }, { resolve: is.callable });
  check<PinOptions>(ACTION, options, {
    ...is.callOptions,
    concurrency: is.optional(is.wholeFrom(1)),
    only: is.optional(is.callable),
  });
  const { signal, concurrency = CONCURRENCY, only = () => true } = options;
  signal?.throwIfAborted();
  const users = findPods(object, ACTION).flatMap(({ pod: { metadata, spec }, at, specAt }) => {
    check(ACTION, { pod: { metadata, spec } }, { pod: podKind });
    return podImages(spec, at === '' ? specAt : `${at}.${specAt}`);
  });
  const plans = new Map(users.map(({ image }) => [image, planOf(image, only)]));
  const asked = new Map<string, ImageReference>();
  for (const plan of plans.values()) if ('ref' in plan) asked.set(plan.key, plan.ref);
  const digests = await resolveAll(asked, resolve, concurrency, signal);
  const outcomes = new Map(Array.from(plans, ([image, plan]) => [image, outcomeOf(image, plan, digests)]));
  const changes: PinChange[] = [];
  const left: LeftImage[] = [];
  const pinned = mapPods(object, (spec, at) =>
    mapPodImages(spec, at, ({ image, kind, path: place }) => {
      const path = kind === 'volume' ? `${place}.reference` : `${place}.image`;
      const outcome = outcomes.get(image);
      if (outcome === undefined) return undefined;
      if ('to' in outcome) changes.push({ path, from: image, ...outcome });
      else left.push({ path, image: hideUserInfo(image), ...outcome });
      return 'to' in outcome ? { image: outcome.to } : undefined;
    }),
  );
  return { object: pinned, changes, left };
}

type Left = Omit<LeftImage, 'path' | 'image'>;
type Asked = { readonly ref: ImageReference; readonly key: string };

function planOf(image: string, only: (image: string) => boolean): Asked | Left {
  const parsed = safeParseReference(image);
  if (!parsed.ok) return { reason: 'invalid', message: reasonOf(parsed.error), error: parsed.error };
  const { digest } = parsed.value;
  if (digest !== undefined) return { reason: 'pinned', message: `It has the digest ${digest}`, error: undefined };
  if (!only(image)) return { reason: 'skipped', message: 'It was not to be pinned', error: undefined };
  const ref = withDefaultTag(parsed.value);
  return { ref, key: formatReference(ref) };
}

function outcomeOf(
  image: string,
  plan: Asked | Left,
  digests: ReadonlyMap<string, Digest | Left>,
): Pick<PinChange, 'to' | 'digest'> | Left {
  if (!('ref' in plan)) return plan;
  const found = digests.get(plan.key) ?? NOT_FOUND;
  if (typeof found !== 'string') return found;
  const tag = safeParseReference(image);
  const text = tag.ok && tag.value.tag === undefined ? `${image}:${plan.ref.tag}` : image;
  return { to: `${text}@${found}`, digest: found };
}

const NOT_FOUND: Left = { reason: 'not-found', message: 'There is no such image', error: undefined };

/** Asks for all, a few at a time. What is no failure of an image ends the others, too. */
async function resolveAll(
  asked: ReadonlyMap<string, ImageReference>,
  resolve: ResolveDigest,
  concurrency: number,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, Digest | Left>> {
  const { controller, release } = linkAbort(signal);
  const digests = new Map<string, Digest | Left>();
  const left = asked.entries();
  // Each takes the next from the same list. One listener on the signal is enough for all of them.
  const work = async (): Promise<void> => {
    for (const [key, ref] of left) {
      controller.signal.throwIfAborted();
      digests.set(key, await resolveOne(ref, resolve, controller.signal));
    }
  };
  const workers = Array.from({ length: Math.min(concurrency, asked.size) }, work);
  try {
    await untilAbort(Promise.all(workers), controller.signal);
    return digests;
  } catch (error) {
    controller.abort(error);
    throw error;
  } finally {
    release();
  }
}

async function resolveOne(ref: ImageReference, resolve: ResolveDigest, signal: AbortSignal): Promise<Digest | Left> {
  let digest: string | undefined;
  try {
    digest = await resolve(ref, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!isImageError(error)) throw error;
    return { reason: 'failed', message: error.message, error };
  }
  if (digest === undefined || isDigest(digest)) return digest ?? NOT_FOUND;
  const message = `${ACTION}: resolve must give a digest or undefined for ${quote(formatReference(ref))}`;
  throw new ImageError('ERR_OPTION_INVALID', message);
}
