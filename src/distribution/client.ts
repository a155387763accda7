import { type CallOptions, type Clock, systemClock } from '../clock/index.js';
import type { CreateHasher, Digest } from '../digest/index.js';
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
import { listReferrers, type ReferrersOptions } from './pull/referrers.js';
import { createSession } from './session/session.js';
import { listTags, type ListTagsOptions } from './pull/tags.js';
import type { RetryOptions } from './transport/retry.js';
import type { TokenCache } from './auth/token-cache.js';
import type { Transport } from './transport/transport.js';
import type {
  ChooseOptions,
  FetchBlobOptions,
  FetchedBlob,
  FetchedManifest,
  FetchManifestOptions,
  ReadConfig,
  ReadManifest,
} from './pull/types.js';
import type { PushBlobOptions, PushContent, PushedBlob, PushedManifest, PushManifestOptions } from './push/types.js';
import type { Descriptor } from '../oci/index.js';
import type { ImageReference } from '../reference/index.js';

import type { RealmPolicy } from './policy/url-policy.js';

/**
 * A registry seen with one credential. It keeps tokens, and follows redirects by its own rules.
 *
 * Of a reference only repository, tag and digest count: which registry is asked was said when the client was made.
 *
 * @public
 */
export interface RegistryClient {
  /** The descriptor that a reference names now, without its content. */
  resolve(ref: ImageReference, options?: CallOptions): Promise<Descriptor>;
  /** The digest that a reference names now. */
  digest(ref: ImageReference, options?: CallOptions): Promise<Digest>;
  /** The manifest or index of a reference, verified against its digest (by tag: against the digest of what came). */
  fetchManifest(ref: ImageReference, options?: FetchManifestOptions): Promise<FetchedManifest>;
  /** The manifest or index of a reference, verified and read; with `choose`, always a manifest. */
  manifest(ref: ImageReference, options?: ChooseOptions): Promise<ReadManifest>;
  /** The config of the image or artifact that a reference names; of an index, of the entry that `choose` picks. */
  config(ref: ImageReference, options?: ChooseOptions): Promise<ReadConfig>;
  /** A blob of the reference's repository, from `offset` to `end` when the registry can. */
  fetchBlob(ref: ImageReference, blob: Descriptor, options?: FetchBlobOptions): Promise<FetchedBlob>;
  /** Whether the reference's repository has a blob. */
  hasBlob(ref: ImageReference, blob: Descriptor, options?: CallOptions): Promise<boolean>;
  /**
   * The content of a layer or any other blob. It is verified while it streams: it never has more bytes than the
   * descriptor says, and the iteration fails with {@link ContentMismatchError} after the last of them if they are not the
   * right ones, so use nothing of it before the end. A cut connection is resumed.
   */
  layer(ref: ImageReference, blob: Descriptor, options?: CallOptions): AsyncIterable<Uint8Array>;
  /** The tags of the reference's repository, asked for page by page as they are wanted. */
  listTags(ref: ImageReference, options?: ListTagsOptions): AsyncIterable<string>;
  /**
   * What refers to the manifest that a reference names, such as its signatures, by the referrers API or, where the
   * registry has none, by the tag that stands in for it.
   */
  referrers(ref: ImageReference, options?: ReferrersOptions): AsyncIterable<Descriptor>;
  /** Brings a blob into the reference's repository, unless it is there. */
  pushBlob(ref: ImageReference, blob: Descriptor, options: PushBlobOptions): Promise<PushedBlob>;
  /** Brings a manifest or index into the reference's repository, under its tag or digest, and all that it names first. */
  pushManifest(ref: ImageReference, manifest: PushContent, options?: PushManifestOptions): Promise<PushedManifest>;
}

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
