import { systemClock } from '../clock/index.js';
import type { Digest } from '../digest/index.js';
import {
  createRegistrySession,
  type RedirectCredential,
  type RegistrySession,
  resolveManifest,
} from '../distribution/index.js';
import { ImageError } from '../errors/index.js';
import { untilAbort } from '../internal/index.js';
import type { Keyring } from '../keyring/index.js';
import {
  checkEndpoints,
  type EndpointCapability,
  type RegistryEndpoint,
  createUpstreamEndpoint,
} from '../mirrors/index.js';
import type { Descriptor } from '../oci/index.js';
import { DEFAULT_MAX_PARALLEL_DOWNLOADS, sharedDownloads } from './download-pool.js';
import type { PullContext } from './context.js';
import { type FetchedImage, fetchImage } from './fetch-image.js';
import { planRanges } from './layer-ranges.js';
import { type EndpointSuccess, type PullRun, type Target, tryEndpoints } from './try-endpoints.js';
import type { PulledImage, PullStep } from './events.js';
import type { AskOptions, PullOptions } from './types.js';
import { verifyResolved } from './verify.js';
import { formatReference, type ImageReference, parseDockerReference } from '../reference/index.js';

/** A mirror that is down or busy must not hold up a pull that another endpoint can serve. */
const RETRY_BEFORE_NEXT = { attempts: 2, budgetMs: 5_000 };

/** Pulls an image from the first endpoint that gives it out, and names it in the store. */
export async function runPull(
  image: string,
  options: PullOptions,
  emit: (event: PullStep) => void,
): Promise<PulledImage> {
  options.signal?.throwIfAborted();
  const pull: PullRun = { image, ref: parseDockerReference(image), options, emit, failed: [], failedBlobs: [] };
  const success = await askEndpoints(pull, (target, steps) => fetchFrom(pull, options, target, steps));
  return finish(pull, options, success);
}

/**
 * Asks the endpoints of an image in order, and each with one credential after the other; the first that knows a tag decides
 * what it means.
 *
 * @throws {@link PullFailedError} when all failed
 */
export async function askEndpoints<T>(
  pull: PullRun,
  run: (target: Target, steps: FetchSteps) => Promise<T>,
): Promise<EndpointSuccess<T>> {
  const { ref, options } = pull;
  const endpoints = await findEndpoints(ref, options);
  let resolved = mustResolveFirst(ref, endpoints) ? await resolveTag(pull, endpoints) : undefined;
  return tryEndpoints(pull, withCapability(ref, endpoints, 'pull'), {
    purpose: 'pull',
    run: (target, onAuthorized) =>
      run(target, {
        resolved,
        onAuthorized,
        // From now on the tag means this image, whoever is asked next: what came of it already is not for nothing.
        onResolved: ({ digest }) => (resolved = digest),
      }),
  });
}

/** What is known by the time that an endpoint is asked, and what it tells on the way. */
export interface FetchSteps {
  /** What the tag was found to mean. */
  readonly resolved: Digest | undefined;
  readonly onAuthorized: () => void;
  readonly onResolved: (root: Descriptor) => void;
}

async function resolveTag(pull: PullRun, endpoints: readonly RegistryEndpoint[]): Promise<Digest> {
  const { ref, options } = pull;
  const { value } = await tryEndpoints(pull, withCapability(ref, endpoints, 'resolve'), {
    purpose: 'resolve',
    run: async (target, onAuthorized) => {
      const asked = referenceAt(ref, target.endpoint, undefined);
      const { digest } = await resolveManifest(sessionFor(target, pull), asked, { signal: options.signal });
      onAuthorized();
      return digest;
    },
  });
  return value;
}

function fetchFrom(pull: PullRun, options: PullOptions, target: Target, steps: FetchSteps): Promise<FetchedImage> {
  const { ref, emit, failedBlobs } = pull;
  const {
    runtime,
    store,
    maxParallelDownloads = DEFAULT_MAX_PARALLEL_DOWNLOADS,
    strictPlatform,
    signal,
    verify,
  } = options;
  const { endpoint } = target;
  const context: PullContext = {
    ref: referenceAt(ref, endpoint, steps.resolved),
    session: sessionFor(target, pull),
    origin: endpoint.origin,
    from: [endpoint.origin, endpoint.apiPath, endpoint.namespace, endpoint.repository].join(' '),
    store,
    clock: runtime.clock ?? systemClock,
    tracing: runtime.tracing,
    downloads: sharedDownloads(options.downloads),
    carries: false,
    ranges: planRanges(options.layerRanges),
    emit,
    onBlobFailed(failure) {
      failedBlobs.push(failure);
      emit({ type: 'blob-failed', ...failure });
    },
  };
  return fetchImage(context, options.platform ?? runtime.platform, {
    signal,
    parallel: maxParallelDownloads,
    strictPlatform,
    limits: options.limits,
    carrier: runtime.carrier,
    ...steps,
    judge: async ({ root, descriptor, manifest, bytes }) => {
      if (verify === undefined) return;
      const { session } = context;
      const found = {
        image: pull.image,
        root,
        descriptor,
        manifest,
        bytes,
        session,
        ref: referenceAt(ref, endpoint, root.digest),
      };
      await verifyResolved(verify, { ...found, endpoint, source: target.attempt.source }, signal);
    },
  });
}

export function sessionFor({ endpoint, attempt, last }: Target, { options, emit }: PullRun): RegistrySession {
  const { runtime, keyring, realmPolicy, redirectPolicy, maxRedirects, foreignLayers, retry = {} } = options;
  const { origin, apiPath, namespace } = endpoint;
  const { credential, candidate } = attempt;
  return createRegistrySession({
    transport: runtime.transport,
    carrier: runtime.carrier,
    createHasher: runtime.createHasher,
    clock: runtime.clock ?? systemClock,
    origin,
    apiPath,
    namespace,
    credential,
    realmPolicy,
    redirectPolicy,
    maxRedirects,
    redirectCredential: keyring === undefined || endpoint.anonymous ? undefined : firstCredential(keyring),
    foreignLayers,
    pathScoped: candidate?.key.includes('/'),
    tokenCache: runtime.tokenCache,
    tracing: runtime.tracing,
    retry: {
      ...(last ? retry : retryBeforeNext(retry)),
      onRetry: (retry) => emit({ type: 'retry', descriptor: undefined, offset: undefined, ...retry }),
    },
    onNotice: (notice) => emit({ type: 'notice', notice }),
  });
}

/** What a keyring has for a host that a registry redirects to: its own entry, of several the first. */
function firstCredential(keyring: Keyring): RedirectCredential {
  return async (image, options) => (await keyring.lookup(image, options)).candidates[0]?.entry.credential;
}

/** What the caller allows less stays less. */
function retryBeforeNext({ attempts = Infinity, budgetMs = Infinity }: NonNullable<PullOptions['retry']>): {
  readonly attempts: number;
  readonly budgetMs: number;
} {
  return {
    attempts: Math.min(attempts, RETRY_BEFORE_NEXT.attempts),
    budgetMs: Math.min(budgetMs, RETRY_BEFORE_NEXT.budgetMs),
  };
}

async function finish(
  pull: PullRun,
  options: PullOptions,
  success: EndpointSuccess<FetchedImage>,
): Promise<PulledImage> {
  const { image, ref, emit, failed } = pull;
  const { value: fetched, endpoint, attempt } = success;
  const name = formatReference(ref);
  await options.store.tag(name, fetched.manifest, { signal: options.signal });
  const pulled: PulledImage = {
    image,
    name,
    imageRef: fetched.config.digest,
    repoDigest: `${ref.name}@${fetched.root.digest}`,
    manifest: fetched.manifest,
    platform: fetched.platform,
    endpoint,
    source: attempt.source,
    attempts: failed,
  };
  emit({ type: 'pulled', image: pulled });
  return pulled;
}

/** Where to pull from, in order: what the options say, or the image's own registry. */
export async function findEndpoints(
  ref: ImageReference,
  { endpoints, plainHttp = [], signal }: AskOptions,
): Promise<readonly RegistryEndpoint[]> {
  const asked = Promise.resolve(endpoints?.(ref, { signal }) ?? []);
  const found = await untilAbort(asked, signal);
  signal?.throwIfAborted();
  checkEndpoints(found);
  return found.length > 0 ? found : [createUpstreamEndpoint(ref, { plainHttp: plainHttp.includes(ref.domain) })];
}

/** @throws {@link ImageError} `ERR_OPTION_INVALID` when there is none */
function withCapability(
  { name }: ImageReference,
  endpoints: readonly RegistryEndpoint[],
  capability: EndpointCapability,
): readonly RegistryEndpoint[] {
  const able = endpoints.filter(({ capabilities }) => capabilities.includes(capability));
  if (able.length > 0) return able;
  const what = capability === 'resolve' ? 'tags' : 'content';
  throw new ImageError('ERR_OPTION_INVALID', `Cannot pull ${name}: none of its endpoints may be asked for ${what}`);
}

/**
 * Whether the tag must become a digest before anything is pulled. When every endpoint does both, the one that gives the
 * manifest out resolves the tag by that, with one request less.
 */
function mustResolveFirst({ digest }: ImageReference, endpoints: readonly RegistryEndpoint[]): boolean {
  return digest === undefined && endpoints.some(({ capabilities }) => new Set(capabilities).size === 1);
}

/** The reference as an endpoint knows it: under the endpoint's name, and by the digest once the tag is resolved. */
export function referenceAt(
  ref: ImageReference,
  { origin, repository, upstream }: RegistryEndpoint,
  resolved: Digest | undefined,
): ImageReference {
  const pinned = resolved === undefined ? ref : { ...ref, tag: undefined, digest: resolved };
  if (upstream && repository === ref.path) return pinned;
  const { host } = new URL(origin);
  return { ...pinned, domain: host, path: repository, name: `${host}/${repository}` };
}
