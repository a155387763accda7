import { type Clock, systemClock } from '../clock/index.js';
import type { CreateHasher } from '../digest/index.js';
import type { Credential } from '../docker-config/index.js';
import { ImageError } from '../errors/index.js';
import { hasMethods, isOptionalFunction, wrongOption } from '../internal/index.js';
import type { Tracing } from '../tracing/index.js';
import { fetchBlob, hasBlob } from './pull/blobs.js';
import { streamBlob } from './pull/blob-stream.js';
import type { ClientContext } from './session/context.js';
import { fetchManifest, resolveManifest } from './pull/manifests.js';
import type { RegistryNotice } from './transport/notices.js';
import { pushBlob } from './push/blob.js';
import { pushManifest } from './push/manifest.js';
import { readConfig, readManifest } from './pull/read-image.js';
import { listReferrers } from './pull/referrers.js';
import { createSession } from './session/session.js';
import { listTags } from './pull/tags.js';
import type { RetryOptions } from './transport/retry.js';
import type { TokenCache } from './auth/token-cache.js';
import type { Transport } from './transport/transport.js';
import type { RegistryClient } from './types.js';
import type { RealmPolicy } from './policy/url-policy.js';

/**
 * What a registry client is made of.
 *
 * @public
 */
export interface RegistryClientOptions {
  readonly transport: Transport;
  /** Where the registry is, such as {@link registryOrigin} gives it. */
  readonly origin: string;
  /**
   * Where the API begins there.
   *
   * @defaultValue `'/v2'`
   */
  readonly apiPath?: string | undefined;
  /** The registry to name in the query `ns`, for a mirror that serves several. @defaultValue none */
  readonly namespace?: string | undefined;
  /** Whom to be: `entry.credential` of a candidate that a keyring gives. @defaultValue anonymous */
  readonly credential?: Credential | undefined;
  /**
   * Whether the credential is for this repository's part of the registry only, so that a redirect within the registry
   * does not take it to another.
   *
   * @defaultValue `true`
   */
  readonly pathScoped?: boolean | undefined;
  /** @defaultValue `'guarded'` */
  readonly realmPolicy?: RealmPolicy | undefined;
  readonly createHasher: CreateHasher;
  /** @defaultValue `systemClock` */
  readonly clock?: Clock | undefined;
  /**
   * A number from 0 up to 1, for jitter.
   *
   * @defaultValue the platform's `crypto`
   */
  readonly random?: (() => number) | undefined;
  /**
   * Where tokens are kept. Clients of any registries and credentials may share one.
   *
   * @defaultValue one of its own
   */
  readonly tokenCache?: TokenCache | undefined;
  /**
   * Whether a layer that the registry does not have is fetched from the URLs that the image names for it: without
   * credential, from public addresses or the kind of network that the registry stands in, and verified as any other.
   *
   * @defaultValue `false`: an image could make whoever pulls it call any server
   */
  readonly foreignLayers?: boolean | undefined;
  /**
   * How often a request is repeated, how long that may take, and who hears of it.
   *
   * @defaultValue that of {@link withRetry}
   */
  readonly retry?: Pick<RetryOptions, 'attempts' | 'budgetMs' | 'onRetry'> | undefined;
  /** Watches the requests for manifests. @defaultValue nobody */
  readonly tracing?: Tracing | undefined;
  /** Hears the registry's warnings, each once, and what is left of its rate limit. @defaultValue nobody */
  readonly onNotice?: ((notice: RegistryNotice) => void) | undefined;
}

/**
 * Makes a client of one registry, for one credential.
 *
 * It answers challenges of the registry's own origin only, fetches tokens for no more than it needs, follows redirects
 * without credentials, and repeats what failed in passing. What it returns is verified where it is in memory.
 *
 * @param options - see {@link RegistryClientOptions}
 * @returns the client; it keeps tokens, and may serve any number of calls at once. Its methods throw
 * {@link RegistryError}, {@link TransportError}, {@link RequestRefusedError}, {@link ContentMismatchError} and
 * `ERR_REGISTRY_DOCUMENT`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when `origin` is not an origin, or an option of the wrong kind
 * @example
 * ```ts
 * import { createRegistryClient, fetchTransport } from 'kubepull/distribution';
 * import { registryOrigin } from 'kubepull/mirrors';
 * import { parseReference } from 'kubepull/reference';
 * import { nodeHasher } from 'kubepull/node';
 *
 * const ref = parseReference('registry.example.com/app:1');
 * const client = createRegistryClient({
 *   transport: fetchTransport(),
 *   origin: registryOrigin(ref.domain),
 *   createHasher: nodeHasher,
 * });
 * const { digest } = await client.resolve(ref);
 * ```
 * @public
 */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  checkParts(options);
  const { createHasher, clock = systemClock, foreignLayers = false, tracing } = options;
  const context: ClientContext = { session: createSession(options), createHasher, clock, foreignLayers, tracing };
  return {
    resolve: (ref, call = {}) => resolveManifest(context, ref, call),
    digest: async (ref, call = {}) => (await resolveManifest(context, ref, call)).digest,
    fetchManifest: (ref, call = {}) => fetchManifest(context, ref, call),
    manifest: (ref, call = {}) => readManifest(context, ref, call),
    config: (ref, call = {}) => readConfig(context, ref, call),
    fetchBlob: (ref, blob, call = {}) => fetchBlob(context, ref, blob, call),
    hasBlob: (ref, blob, call = {}) => hasBlob(context, ref, blob, call),
    layer: (ref, blob, call = {}) => streamBlob(context, ref, blob, call),
    listTags: (ref, call = {}) => listTags(context, ref, call),
    referrers: (ref, call = {}) => listReferrers(context, ref, call),
    pushBlob: (ref, blob, call) => pushBlob(context, ref, blob, call),
    pushManifest: (ref, manifest, call = {}) => pushManifest(context, ref, manifest, call),
  };
}

function checkParts(options: Partial<RegistryClientOptions> = {}): void {
  const { transport, origin, createHasher, clock, onNotice } = options;
  const wrong = wrongOption(
    ['transport', typeof transport === 'function', 'a function, such as fetchTransport() gives'],
    ['origin', typeof origin === 'string', 'a text, such as registryOrigin() gives'],
    ['createHasher', typeof createHasher === 'function', 'a function, such as nodeHasher of kubepull/node'],
    ['clock', clock === undefined || hasMethods(clock, 'now', 'monotonic', 'sleep'), 'a clock, such as systemClock'],
    ['onNotice', isOptionalFunction(onNotice), 'a function'],
  );
  if (wrong !== undefined) throw new ImageError('ERR_OPTION_INVALID', `Cannot make a registry client with ${wrong}`);
}
