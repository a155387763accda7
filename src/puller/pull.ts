import { systemClock } from '../clock/index.js';
import { createRegistryClient, registryOrigin } from '../distribution/index.js';
import type { Credential, CredentialSource } from '../docker-config/index.js';
import { type AnyImageError, ImageError, isImageError, PullFailedError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import type { CredentialCandidate } from '../keyring/index.js';
import { formatReference, type ImageReference, parseDockerReference } from '../reference/index.js';
import { linkAbort } from './abort.js';
import { aggregateErrorTexts } from './aggregate.js';
import { createEventQueue } from './event-queue.js';
import { type FetchedImage, fetchImage } from './fetch-image.js';
import type { PullAttempt, PulledImage, PullEvent, PullOptions } from './types.js';

/**
 * Layers that one pull downloads at once when the caller does not say: Docker's number.
 *
 * @public
 */
export const DEFAULT_MAX_PARALLEL_DOWNLOADS = 3;

const ANONYMOUS: CredentialSource = { kind: 'anonymous' };

/** One thing to try: a candidate of the keyring, or nobody. */
interface Attempt {
  readonly rank: number;
  readonly candidate: CredentialCandidate | undefined;
  readonly source: CredentialSource;
  readonly credential: Credential | undefined;
}

/**
 * The name under which a pull tags an image in the store, and under which to look whether it is there: the full
 * reference with the default tag, or with the digest alone when there is one.
 *
 * @param image - an image as a pod names it
 * @returns such as `docker.io/library/nginx:latest`
 * @throws {@link InvalidReferenceError} when it is not a reference
 * @example
 * ```ts
 * import { storeName } from 'kubepull';
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
 * Pulls an image into a store: one credential after the other in the keyring's order, as kubelet does, until the
 * registry gives the image out.
 *
 * Nobody is tried only when the keyring has no credential: kubelet makes no anonymous attempt after a refused one. A
 * credential equal to one that was refused is not sent again.
 *
 * @param image - the image as a pod names it
 * @param options - where from, where to, and for which platform
 * @returns what is in the store now
 * @throws {@link InvalidReferenceError} when the image is not a reference
 * @throws {@link PullFailedError} when every credential failed; its `attempts` say how
 * @throws {@link PlatformNotFoundError} when the image is not there for the platform
 * @throws {@link ContentMismatchError} when the registry sent other bytes than it promised
 * @throws {@link StoreError} when the store failed
 * @example
 * ```ts
 * import { pullImage } from 'kubepull';
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
  return runPull(image, options, () => undefined);
}

/**
 * Pulls an image and tells what happens meanwhile. Leaving the loop cancels the pull.
 *
 * A slow reader does not slow the pull down: it gets the newest progress of each blob.
 *
 * @param image - the image as a pod names it
 * @param options - as for {@link pullImage}, with the same errors
 * @returns the events; the last is `pulled`
 * @example
 * ```ts
 * import { pullImageEvents } from 'kubepull';
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
  const { controller, release } = linkAbort(options.signal);
  const queue = createEventQueue();
  const pull = runPull(image, { ...options, signal: controller.signal }, queue.push).then(queue.end, queue.fail);
  try {
    yield* queue;
  } finally {
    controller.abort();
    await pull;
    release();
  }
}

async function runPull(image: string, options: PullOptions, emit: (event: PullEvent) => void): Promise<PulledImage> {
  checkOptions(options);
  options.signal?.throwIfAborted();
  const ref = parseDockerReference(image);
  const failed: PullAttempt[] = [];
  const refused: Credential[] = [];
  for (const attempt of await planAttempts(ref, options)) {
    if (attempt.credential !== undefined && refused.some((other) => equalCredentials(other, attempt.credential))) {
      emit({ type: 'credential', ...describe(attempt), outcome: 'duplicate', error: undefined });
      continue;
    }
    try {
      const fetched = await tryAttempt(ref, attempt, options, emit);
      return await finish(image, ref, attempt, fetched, failed, options, emit);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!isImageError(error) || !isForNextCredential(error)) throw error;
      emit({ type: 'credential', ...describe(attempt), outcome: 'rejected', error });
      failed.push({ rank: attempt.rank, source: attempt.source, error });
      if (attempt.credential !== undefined) refused.push(attempt.credential);
    }
  }
  throw pullFailed(image, failed);
}

function checkOptions({ maxParallelDownloads = DEFAULT_MAX_PARALLEL_DOWNLOADS }: PullOptions): void {
  if (Number.isSafeInteger(maxParallelDownloads) && maxParallelDownloads >= 1) return;
  throw new ImageError(
    'ERR_OPTION_INVALID',
    `Cannot pull with maxParallelDownloads ${maxParallelDownloads}: it must be a whole number from 1`,
  );
}

/** What kubelet would try, in order: all that the keyring gives, or nobody when it gives nothing. */
async function planAttempts(ref: ImageReference, { keyring, signal }: PullOptions): Promise<readonly Attempt[]> {
  const lookup = await keyring?.lookup(ref.name, { signal });
  const candidates = lookup?.candidates ?? [];
  if (candidates.length === 0) return [{ rank: 1, candidate: undefined, source: ANONYMOUS, credential: undefined }];
  return candidates.map((candidate) => ({
    rank: candidate.rank,
    candidate,
    source: candidate.entry.source,
    credential: candidate.entry.credential,
  }));
}

async function tryAttempt(
  ref: ImageReference,
  attempt: Attempt,
  options: PullOptions,
  emit: (event: PullEvent) => void,
): Promise<FetchedImage> {
  const { runtime, store, plainHttp = [], maxParallelDownloads = DEFAULT_MAX_PARALLEL_DOWNLOADS } = options;
  const clock = runtime.clock ?? systemClock;
  emit({ type: 'credential', ...describe(attempt), outcome: 'trying', error: undefined });
  const client = createRegistryClient({
    transport: runtime.transport,
    createHasher: runtime.createHasher,
    clock,
    origin: registryOrigin(ref.domain, { plainHttp: plainHttp.includes(ref.domain) }),
    credential: attempt.credential,
    pathScoped: attempt.candidate?.key.includes('/'),
  });
  return fetchImage({ ref, client, store, clock, emit }, options.platform ?? runtime.platform, {
    signal: options.signal,
    parallel: maxParallelDownloads,
    onAuthorized: () => emit({ type: 'credential', ...describe(attempt), outcome: 'accepted', error: undefined }),
  });
}

async function finish(
  image: string,
  ref: ImageReference,
  attempt: Attempt,
  fetched: FetchedImage,
  attempts: readonly PullAttempt[],
  { store, signal }: PullOptions,
  emit: (event: PullEvent) => void,
): Promise<PulledImage> {
  const name = formatReference(ref);
  await store.tag(name, fetched.manifest, { signal });
  const pulled: PulledImage = {
    image,
    name,
    imageRef: fetched.config.digest,
    repoDigest: `${ref.name}@${fetched.root.digest}`,
    manifest: fetched.manifest,
    platform: fetched.platform,
    source: attempt.source,
    attempts,
  };
  emit({ type: 'pulled', image: pulled });
  return pulled;
}

function describe({ rank, source, candidate }: Attempt): Pick<Attempt, 'rank' | 'source' | 'candidate'> {
  return { rank, source, candidate };
}

function equalCredentials(a: Credential, b: Credential | undefined): boolean {
  const texts = (credential: Credential | undefined): readonly (string | undefined)[] => [
    credential?.username,
    credential?.password.reveal(),
    credential?.identityToken?.reveal(),
    credential?.registryToken?.reveal(),
  ];
  const others = texts(b);
  return texts(a).every((text, at) => text === others[at]);
}

/** Kubelet goes on after any error of the runtime; what no other credential can change ends the pull here. */
function isForNextCredential({ code }: AnyImageError): boolean {
  return code === 'ERR_REGISTRY_RESPONSE' || code === 'ERR_TRANSPORT' || code === 'ERR_REQUEST_REFUSED';
}

function pullFailed(image: string, attempts: readonly PullAttempt[]): PullFailedError {
  const text = aggregateErrorTexts(attempts.map(({ error }) => error.message));
  return new PullFailedError(`Cannot pull ${quote(image)}: ${text}`, image, attempts);
}
