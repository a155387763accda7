import { systemClock } from '../clock/index.js';
import { type Digest, computeDigest } from '../digest/index.js';
import {
  createTokenCache,
  type ManifestBytes,
  readManifestBytes,
  type RegistryNotice,
  resolveManifest,
} from '../distribution/index.js';
import type { Credential } from '../docker-config/index.js';
import { credentialText } from '../docker-config/inner.js';
import { type AnyImageError, isImageError } from '../errors/index.js';
import { encodeUtf8 } from '../internal/index.js';
import type { Keyring } from '../keyring/index.js';
import type { RegistryEndpoint } from '../mirrors/index.js';
import { type Descriptor, parseManifest, type Platform } from '../oci/index.js';
import {
  type AskOptions,
  askEndpoints,
  findEndpoints,
  planAttempts,
  planContents,
  type PullRun,
  type PullStep,
  referenceAt,
  selectImage,
  sessionFor,
} from '../puller/inner.js';
import type { ImageReference } from '../reference/index.js';
import { causeOf, decisiveOf, failureOf } from './causes.js';
import { createPoliteTransport, watchTokens } from './polite-transport.js';
import {
  type CheckOptions,
  DEFAULT_REQUESTS_PER_REGISTRY,
  type FailedAttempt,
  type PlannedAttempt,
  type PlatformCheck,
  type PreflightFailure,
  type RateLimit,
} from './types.js';

/** What there is to show for one image. */
export interface Showing {
  readonly keyring: Keyring | undefined;
  readonly credential?: Credential | undefined;
}

/** What would be tried for an image, and by what another image with the same is known. */
export interface AskPlan {
  readonly ref: ImageReference;
  readonly endpoints: readonly RegistryEndpoint[];
  readonly planned: readonly PlannedAttempt[];
  readonly key: string;
}

/** What a registry said of an image. Attempts are named by their place in what was planned: sources differ between pods. */
export interface Asked {
  readonly served: number | undefined;
  readonly attempts: readonly (Omit<FailedAttempt, keyof PlannedAttempt> & { readonly at: number })[];
  readonly root: Descriptor | undefined;
  readonly available: readonly Platform[];
  readonly platforms: readonly PlatformCheck[];
  /** Whether what was found says what it is for; without an index only its config does. */
  readonly labelled: boolean;
  readonly rateLimit: RateLimit | undefined;
  readonly failure: PreflightFailure | undefined;
}

/** Asks registries for images: each manifest once, and each registry no more than it bears. */
export interface Asker {
  plan(ref: ImageReference, showing: Showing): Promise<AskPlan>;
  ask(image: string, plan: AskPlan, showing: Showing): Promise<Asked>;
}

/** A preflight has somebody who waits: a registry that is busy for long is a result. */
const RETRY = { attempts: 3, budgetMs: 20_000 };

export function createAsker(options: CheckOptions): Asker {
  const { runtime, maxPerRegistry = DEFAULT_REQUESTS_PER_REGISTRY } = options;
  const { clock = systemClock, createHasher } = runtime;
  const transport = createPoliteTransport(runtime.transport, { clock, maxPerRegistry });
  const tokenCache = runtime.tokenCache ?? createTokenCache({ clock });
  const manifests = new Map<string, Promise<ManifestBytes>>();
  const asking = new Map<string, Promise<Asked>>();
  const fingerprints = new WeakMap<Credential, Digest>();

  const fingerprint = (credential: Credential | undefined): string => {
    if (credential === undefined) return '-';
    const known = fingerprints.get(credential) ?? computeDigest(encodeUtf8(credentialText(credential)), createHasher);
    fingerprints.set(credential, known);
    return known;
  };
  /** An entry of an index is read once in each repository; whoever gets that far has been given the index. */
  const readOnce = async (key: string, read: () => Promise<ManifestBytes>): Promise<ManifestBytes> => {
    const found = manifests.get(key) ?? read();
    manifests.set(key, found);
    try {
      return await found;
    } catch (error) {
      if (manifests.get(key) === found) manifests.delete(key);
      throw error;
    }
  };

  // A signal of its own for each image: all the requests of all images would be too many listeners for one.
  const running = new Set<AbortController>();
  options.signal?.addEventListener('abort', () => running.forEach((one) => one.abort(options.signal?.reason)));
  const withSignal = async <T>(task: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    options.signal?.throwIfAborted();
    const controller = new AbortController();
    running.add(controller);
    try {
      return await task(controller.signal);
    } finally {
      running.delete(controller);
    }
  };

  const askNow = async (
    image: string,
    plan: AskPlan,
    { keyring, credential }: Showing,
    signal: AbortSignal,
  ): Promise<Asked> => {
    const watched = watchTokens(transport);
    const causes = new Map<AnyImageError, FailedAttempt['cause']>();
    const limits = new Map<string, RateLimit>();
    const emit = (step: PullStep): void => {
      if (step.type === 'credential' && step.error !== undefined) {
        const shown = { credential: step.source.kind !== 'anonymous', granted: watched.hadToken };
        causes.set(step.error, causeOf(step.error, shown));
      }
      if (step.type === 'retry') {
        const { error, delayMs } = step;
        options.onEvent?.({ type: 'retry', image, error, delayMs });
      }
      if (step.type === 'notice') hear(step.notice);
    };
    const hear = (notice: RegistryNotice): void => {
      if (notice.kind === 'rate-limit') {
        const { kind: _, ...limit } = notice;
        limits.set(notice.origin, limit);
      }
      options.onEvent?.({ type: 'notice', image, notice });
    };
    const placeOf = ({ endpoint, rank }: Pick<PlannedAttempt, 'endpoint' | 'rank'>): number =>
      plan.planned.findIndex((planned) => planned.endpoint === endpoint && planned.rank === rank);
    const asked: AskOptions = {
      ...pickAsking(options),
      signal,
      runtime: { ...runtime, transport: watched.transport, tokenCache },
      endpoints: () => plan.endpoints,
      keyring,
      credential,
    };
    const pull: PullRun = { image, ref: plan.ref, options: asked, emit, failed: [], failedBlobs: [] };
    const attemptsOf = (): readonly (Asked['attempts'][number] & FailedAttempt)[] =>
      pull.failed.map(({ rank, source, endpoint, error }) => {
        const shown = { credential: source.kind !== 'anonymous', granted: watched.hadToken };
        const cause = causes.get(error) ?? causeOf(error, shown);
        return { at: placeOf({ endpoint, rank }), rank, source, endpoint, error, cause };
      });
    const nothing = { served: undefined, root: undefined, available: [], platforms: [], labelled: true };
    try {
      const { value, endpoint, attempt } = await askEndpoints(pull, async (target, steps) => {
        const session = sessionFor(target, pull);
        const ref = referenceAt(plan.ref, target.endpoint, steps.resolved);
        if (options.read === 'digest') {
          const root = await resolveManifest(session, ref, { signal });
          steps.onAuthorized();
          return { ...nothing, root };
        }
        const bytes = await readManifestBytes(session, ref, { signal });
        steps.onAuthorized();
        const { origin, apiPath, namespace } = target.endpoint;
        const at = [origin, apiPath, namespace, ref.path].join(' ');
        const read = (entry: Descriptor): Promise<ManifestBytes> =>
          readOnce(`${at} ${entry.digest} ${entry.size}`, () =>
            readManifestBytes(session, ref, { descriptor: entry, signal }),
          );
        const found = await readPlatforms({ ref, bytes, read }, { ...options, signal });
        steps.onResolved(bytes.descriptor);
        return found;
      });
      return {
        ...value,
        served: placeOf({ endpoint, rank: attempt.rank }),
        attempts: attemptsOf(),
        rateLimit: limits.get(endpoint.origin),
        failure: value.platforms.find(({ failure }) => failure !== undefined)?.failure,
      };
    } catch (error) {
      signal.throwIfAborted();
      if (!isImageError(error)) throw error;
      const attempts = attemptsOf();
      const decisive = error.code === 'ERR_PULL_FAILED' ? decisiveOf(attempts) : undefined;
      const why = decisive?.error ?? error;
      const cause = decisive?.cause ?? causeOf(error, { credential: false, granted: () => false });
      const rateLimit = limits.get(decisive?.endpoint.origin ?? '') ?? [...limits.values()].at(-1);
      return { ...nothing, attempts, rateLimit, failure: failureOf(cause, why.message, why) };
    }
  };

  return {
    async plan(ref, { keyring, credential }) {
      const { signal } = options;
      const endpoints = await findEndpoints(ref, options);
      const planned: PlannedAttempt[] = [];
      const marks: string[] = [];
      for (const endpoint of endpoints) {
        for (const attempt of await planAttempts(ref, endpoint, { keyring, credential, signal, runtime })) {
          planned.push({ endpoint, rank: attempt.rank, source: attempt.source });
          marks.push(`${endpoints.indexOf(endpoint)} ${fingerprint(attempt.credential)}`);
        }
      }
      return { ref, endpoints, planned, key: [ref.name, ref.tag, ref.digest, ...marks].join('\n') };
    },
    ask(image, plan, showing) {
      const found = asking.get(plan.key) ?? withSignal((signal) => askNow(image, plan, showing, signal));
      asking.set(plan.key, found);
      return found;
    },
  };
}

function pickAsking(options: CheckOptions): Omit<AskOptions, 'runtime' | 'keyring' | 'credential' | 'signal'> {
  const { plainHttp, realmPolicy, redirectPolicy, maxRedirects, limits, retry = RETRY } = options;
  return { plainHttp, realmPolicy, redirectPolicy, maxRedirects, limits, retry };
}

/** What nodes of each platform would get of what was found. */
async function readPlatforms(
  {
    ref,
    bytes,
    read,
  }: {
    readonly ref: ImageReference;
    readonly bytes: ManifestBytes;
    readonly read: (entry: Descriptor) => Promise<ManifestBytes>;
  },
  { platforms: wanted, runtime, limits, store, signal }: CheckOptions,
): Promise<Pick<Asked, 'root' | 'available' | 'platforms' | 'labelled'>> {
  const root = bytes.descriptor;
  const parsed = parseManifest(bytes.bytes, { mediaType: root.mediaType, limits });
  const entries = parsed.kind === 'index' ? parsed.index.manifests : [];
  const platforms: PlatformCheck[] = [];
  for (const platform of wanted ?? [runtime.platform]) {
    try {
      const selecting = { ref, read, emit: () => undefined };
      const { descriptor, manifest } = await selectImage(selecting, platform, { bytes, limits, passed: [] });
      const { contents, present, bytes: all, presentBytes } = await planContents(manifest, { store, signal });
      platforms.push({
        platform,
        manifest: descriptor,
        contents,
        bytes: all,
        missing: contents.filter((content) => !present.includes(content)),
        missingBytes: all - presentBytes,
        failure: undefined,
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (!isImageError(error)) throw error;
      // What another endpoint or credential may change is for who asked; another platform does not help then.
      if (error.code !== 'ERR_PLATFORM_NOT_FOUND' && platforms.every(({ failure }) => failure !== undefined))
        throw error;
      const cause = causeOf(error, { credential: false, granted: () => false });
      const nothing = { manifest: undefined, contents: [], bytes: 0, missing: [], missingBytes: 0 };
      platforms.push({ platform, ...nothing, failure: failureOf(cause, error.message, error) });
    }
  }
  const labelled = platforms.every(({ manifest }) => manifest === undefined || manifest.platform !== undefined);
  return { root, available: entries.flatMap(({ platform }) => platform ?? []), platforms, labelled };
}
