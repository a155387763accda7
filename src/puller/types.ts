import type { CallOptions, Clock } from '../clock/index.js';
import type { CreateHasher } from '../digest/index.js';
import type { RegistryEndpoints } from '../mirrors/index.js';
import type {
  BlobCarrier,
  RealmPolicy,
  RedirectPolicy,
  RetryOptions,
  TokenCache,
  Transport,
} from '../distribution/index.js';
import type { Credential } from '../docker-config/index.js';
import type { Keyring } from '../keyring/index.js';
import type { DocumentLimits, Platform } from '../oci/index.js';
import type { ImageStore } from '../store/index.js';
import type { Tracing } from '../tracing/index.js';
import type { DownloadPool } from './download-pool.js';
import type { LayerRanges } from './layer-ranges.js';
import type { VerifyImage } from './verify.js';

/**
 * What a pull needs from its surroundings. `createNodeRuntime` of `kubepull/node` gives one.
 *
 * @public
 */
export interface PullRuntime {
  /** Sends the requests to registries, token servers, and where they redirect to. */
  readonly transport: Transport;
  /** Brings the layers of large pulls into stores that keep them in files. @defaultValue the transport brings them */
  readonly carrier?: BlobCarrier | undefined;
  /** Makes the hashers that verify content. */
  readonly createHasher: CreateHasher;
  /** The platform to pull for when the call names none: that of the node. */
  readonly platform: Platform;
  /** Measures how long tokens are valid, and waits between attempts. @defaultValue `systemClock` */
  readonly clock?: Clock | undefined;
  /**
   * Keeps the registries' tokens from one pull to the next.
   *
   * @defaultValue each pull fetches its own
   */
  readonly tokenCache?: TokenCache | undefined;
  /** Watches pulls, look-ups, manifests and blobs. @defaultValue none */
  readonly tracing?: Tracing | undefined;
}

/**
 * What a manifest or index may have that is pulled.
 *
 * @public
 */
export type PullLimits = Partial<Pick<DocumentLimits, 'maxLayers' | 'maxManifests' | 'maxValues'>>;

/**
 * What to pull, with what, and where to.
 *
 * @public
 */
export interface PullOptions extends CallOptions {
  /** The transport, the hashers, the platform and the clock, such as `createNodeRuntime` gives them. */
  readonly runtime: PullRuntime;
  /** Where the image goes; content that the store has already is not fetched. */
  readonly store: ImageStore;
  /** Where credentials come from; an image that it has none for is pulled anonymously. @defaultValue none */
  readonly keyring?: Keyring | undefined;
  /**
   * The one credential to use at the image's own registry, in place of a keyring. A mirror never gets it.
   *
   * @defaultValue what the keyring finds
   */
  readonly credential?: Credential | undefined;
  /**
   * Which token servers may get a credential besides the registry itself.
   *
   * @defaultValue `'guarded'`: those at public addresses, and in the kind of network that the registry stands in
   */
  readonly realmPolicy?: RealmPolicy | undefined;
  /**
   * Where redirects, and the URLs of `foreignLayers`, may lead.
   *
   * @defaultValue `'guarded'`: to public addresses, and into the kind of network that the registry stands in
   */
  readonly redirectPolicy?: RedirectPolicy | undefined;
  /**
   * Redirects of one request that are followed, a whole number from 0 to 10.
   *
   * @defaultValue 5
   */
  readonly maxRedirects?: number | undefined;
  /**
   * Whether a layer that the registry does not have is fetched from the URLs that the image names for it: without
   * credential, from public addresses or the kind of network that the registry stands in, and verified as any other.
   *
   * @defaultValue `false`: an image could make the caller ask any server
   */
  readonly foreignLayers?: boolean | undefined;
  /**
   * What a manifest or index may have: layers, entries, and values of JSON in all. No more than 16,384 layers or entries
   * and 131,072 values, which a store can read again.
   *
   * @defaultValue those of {@link DEFAULT_DOCUMENT_LIMITS}
   */
  readonly limits?: PullLimits | undefined;
  /**
   * How often a request is repeated, and how long its pauses may take together. While another endpoint is left, a request
   * is sent twice at most and waits 5 s at most.
   *
   * @defaultValue 5 attempts, 120,000 ms
   */
  readonly retry?: Pick<RetryOptions, 'attempts' | 'budgetMs'> | undefined;
  /** The platform whose image is taken from an index. @defaultValue the runtime's platform */
  readonly platform?: Platform | undefined;
  /**
   * Whether an image without index is refused when its config names another platform. containerd pulls it: the label is
   * written by hand often enough, and says nothing of the binaries. An entry that an index names is chosen by the index.
   *
   * @defaultValue `false`: it is pulled, with a notice of the kind `platform`
   */
  readonly strictPlatform?: boolean | undefined;
  /**
   * Judges the image once its manifest is known, before anything else of it is asked for. A refusal ends the pull: no other
   * credential and no other endpoint is tried, since the name leads to the same digest there.
   *
   * @defaultValue every image is pulled
   */
  readonly verify?: VerifyImage | undefined;
  /**
   * Layers downloaded at once, a whole number from 1.
   *
   * @defaultValue {@link DEFAULT_MAX_PARALLEL_DOWNLOADS}
   */
  readonly maxParallelDownloads?: number | undefined;
  /**
   * What this pull's downloads share with those of other pulls: a limit, and equal content. `createDownloadPool` makes
   * one; whoever pulls several images at once sets it.
   *
   * @defaultValue nothing is shared
   */
  readonly downloads?: DownloadPool | undefined;
  /**
   * Large layers in parallel ranges, for a registry that gives each connection less than the network bears. A range takes
   * a place of `downloads` that nobody else wants at that time. A registry that does not know ranges is asked for the
   * layer as one stream.
   *
   * @defaultValue every layer is one stream
   */
  readonly layerRanges?: LayerRanges | undefined;
  /**
   * Registries to speak plain HTTP with, as `host` or `host:port` in the spelling of the image; a URL is none of them.
   *
   * @defaultValue none: all are spoken to over TLS only
   */
  readonly plainHttp?: readonly string[] | undefined;
  /**
   * Where an image is pulled from, first choice first: `createMirrorEndpoints`, or the configuration of containerd or podman
   * that `kubepull/node` reads, or a function of your own.
   *
   * @defaultValue the image's own registry
   */
  readonly endpoints?: RegistryEndpoints | undefined;
}

/** What it takes to ask for an image; where to put it is the matter of a pull. */
export type AskOptions = Omit<PullOptions, 'store' | 'verify' | 'downloads' | 'layerRanges' | 'maxParallelDownloads'>;
