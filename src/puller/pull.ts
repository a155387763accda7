import { formatReference, parseDockerReference } from '../reference/index.js';
import { linkAbort } from './abort.js';
import { checkOptions } from './check-options.js';
import { createEventQueue } from './event-queue.js';
import { runPull } from './run-pull.js';
import { type PullTrace, traced } from '../tracing/index.js';
import type { PulledImage, PullEvent, PullOptions } from './types.js';

/**
 * The name under which a pull tags an image in the store, and under which to look whether it is there: the full
 * reference with the default tag, or with the digest alone when there is one.
 *
 * @param image - an image as a pod names it
 * @returns such as `docker.io/library/nginx:latest`
 * @throws {@link InvalidReferenceError} when it is not a reference
 * @example
 * ```ts
 * import { storeName } from 'kubepull/puller';
 *
 * storeName('nginx'); // 'docker.io/library/nginx:latest'
 * ```
 * @see ParseDockerRef in distribution/reference
 * @public
 */
export function storeName(image: string): string {
  return formatReference(parseDockerReference(image));
}

/**
 * Pulls an image into a store: one endpoint after the other, and at each one credential after the other in the
 * keyring's order, as kubelet does, until a registry gives the image out.
 *
 * Without the option `endpoints` the image's own registry is the only one. Credentials are those for the host that is
 * contacted: a mirror that has none of its own is asked anonymously. The first endpoint that knows a tag decides the
 * digest; from then on everything is asked for, and verified, by digest.
 *
 * Nobody is tried only when the keyring has no credential: kubelet makes no anonymous attempt after a refused one. A
 * credential equal to one that an endpoint refused is not sent to it again.
 *
 * @param image - the image as a pod names it
 * @param options - where from, where to, and for which platform
 * @returns what is in the store now
 * @throws {@link InvalidReferenceError} when the image is not a reference
 * @throws {@link PullFailedError} when every credential failed; its `attempts` say how
 * @throws {@link PlatformNotFoundError} when the image is not there for the platform
 * @throws {@link ContentMismatchError} when the registry sent other bytes than it promised
 * @throws {@link StoreError} when the store failed
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an option of the wrong kind, or an endpoint that cannot be used; an aborted
 * pull rejects with the reason of its signal
 * @example
 * ```ts
 * import { pullImage } from 'kubepull/puller';
 * import { createNodeRuntime, openOciLayout } from 'kubepull/node';
 *
 * const runtime = createNodeRuntime();
 * try {
 *   const { imageRef } = await pullImage('registry.example.com/app:1', {
 *     runtime,
 *     store: await openOciLayout('./layout'),
 *   });
 *   console.log(imageRef);
 * } finally {
 *   await runtime.close();
 * }
 * ```
 * @see PullImage in kubernetes pkg/kubelet/kuberuntime/kuberuntime_image.go
 * @public
 */
export async function pullImage(image: string, options: PullOptions): Promise<PulledImage> {
  return startPull(image, options, () => undefined);
}

/**
 * Pulls an image and tells what happens meanwhile. Leaving the loop cancels the pull.
 *
 * A slow reader does not slow the pull down: it gets the newest progress of each blob.
 *
 * @param image - the image as a pod names it
 * @param options - as for {@link pullImage}, with the same errors
 * @returns the events; the last is `pulled`
 * @throws what {@link pullImage} throws, out of the loop and after the events before it
 * @example
 * ```ts
 * import { pullImageEvents } from 'kubepull/puller';
 * import { createNodeRuntime, openOciLayout } from 'kubepull/node';
 *
 * const runtime = createNodeRuntime();
 * const store = await openOciLayout('./layout');
 * for await (const event of pullImageEvents('registry.example.com/app:1', { runtime, store })) {
 *   console.log(event.type);
 * }
 * await runtime.close();
 * ```
 * @public
 */
export async function* pullImageEvents(
  image: string,
  options: PullOptions,
): AsyncGenerator<PullEvent, void, undefined> {
  checkOptions(image, options);
  const { controller, release } = linkAbort(options.signal);
  const queue = createEventQueue();
  const pull = startPull(image, { ...options, signal: controller.signal }, queue.push).then(queue.end, queue.fail);
  try {
    yield* queue;
  } finally {
    controller.abort();
    await pull;
    release();
  }
}

/** However many steps a pull has under way, the caller's signal hears of one listener only. */
async function startPull(image: string, options: PullOptions, emit: (event: PullEvent) => void): Promise<PulledImage> {
  checkOptions(image, options);
  const { controller, release } = linkAbort(options.signal);
  try {
    return await watchedPull(image, { ...options, signal: controller.signal }, emit);
  } finally {
    release();
  }
}

function watchedPull(image: string, options: PullOptions, emit: (event: PullEvent) => void): Promise<PulledImage> {
  const facts = { imageRef: undefined, repoDigest: undefined, endpoint: undefined, refused: undefined };
  const trace: PullTrace = { image, ...facts };
  return traced(options.runtime.tracing, 'pull', trace, async () => {
    const pulled = await runPull(image, options, emit);
    const { imageRef, repoDigest, endpoint, attempts } = pulled;
    Object.assign(trace, { imageRef, repoDigest, endpoint: endpoint.origin, refused: attempts.length });
    return pulled;
  });
}
