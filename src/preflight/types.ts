import type { CallOptions } from '../clock/index.js';
import type { RegistryNotice } from '../distribution/index.js';
import type { CredentialSource, DockerConfigEntry } from '../docker-config/index.js';
import type { AnyImageError } from '../errors/index.js';
import type { FailureCause } from '../failures/index.js';
import type { Keyring } from '../keyring/index.js';
import type { ImageUserKind } from '../kubernetes/index.js';
import type { RegistryEndpoint } from '../mirrors/index.js';
import type { Descriptor, Platform } from '../oci/index.js';
import type { PullOptions } from '../puller/index.js';
import type { SecretLike, ServiceAccountLike } from '../pull-secrets/index.js';
import type { ImageRules } from '../rules/index.js';
import type { ImageStore } from '../store/index.js';

/** Requests to one registry at once, when the caller does not say. @public */
export const DEFAULT_REQUESTS_PER_REGISTRY = 4;

/**
 * What {@link preflight} and {@link checkPull} have in common. What concerns the registry is as for a pull.
 *
 * @public
 */
export interface CheckOptions
  extends
    Pick<
      PullOptions,
      'endpoints' | 'plainHttp' | 'realmPolicy' | 'redirectPolicy' | 'maxRedirects' | 'limits' | 'retry' | 'runtime'
    >,
    CallOptions {
  /**
   * The platforms of the nodes.
   *
   * @defaultValue that of the runtime
   */
  readonly platforms?: readonly Platform[] | undefined;
  /** What a node has already: its content counts as present, and its names for the policy `Never`. @defaultValue nothing is known */
  readonly store?: Pick<ImageStore, 'has' | 'resolve'> | undefined;
  /**
   * `manifests`: index and manifests are read, which says platforms and bytes; Docker Hub counts them as a pull. `digest`: each
   * image is asked for by one `HEAD`, which Docker Hub does not count; platforms and bytes stay unknown.
   *
   * @defaultValue `'manifests'`
   */
  readonly read?: 'manifests' | 'digest' | undefined;
  /**
   * Whether registries are asked. Without them it is told what would be tried, and what cannot be known.
   *
   * @defaultValue `true`
   */
  readonly network?: boolean | undefined;
  /**
   * Requests to one registry at once, a whole number from 1.
   *
   * @defaultValue {@link DEFAULT_REQUESTS_PER_REGISTRY}
   */
  readonly maxPerRegistry?: number | undefined;
  /** Hears what happens, at once and in order. It must not throw. @defaultValue none */
  readonly onEvent?: ((event: PreflightEvent) => void) | undefined;
}

/**
 * Options of {@link checkPull}.
 *
 * @public
 */
export interface CheckPullOptions extends CheckOptions {
  /** Where credentials come from. @defaultValue none: the image is asked for anonymously */
  readonly keyring?: Keyring | undefined;
  /** The one credential to try at the image's own registry, in place of a keyring. @defaultValue none */
  readonly credential?: PullOptions['credential'];
}

/**
 * Options of {@link preflight}.
 *
 * @public
 */
export interface PreflightOptions extends CheckOptions {
  /** The secrets at hand, of any namespaces. Those that a pod names and that are not here count as missing. @defaultValue none */
  readonly secrets?: Iterable<SecretLike> | undefined;
  /**
   * Service accounts, of any namespaces: a pod that names no pull secret gets the list of its own, as at admission.
   *
   * @defaultValue none
   */
  readonly serviceAccounts?: Iterable<ServiceAccountLike> | undefined;
  /** Which images may be used at all; what they refuse fails as `policy`, and nobody is asked for it. @defaultValue every image */
  readonly rules?: ImageRules | undefined;
  /** The entries of the node's docker config, which are tried after the secrets. @defaultValue none */
  readonly nodeConfig?: readonly DockerConfigEntry[] | undefined;
  /** What of the node has to be asked for credentials, such as plugins; it comes last. @defaultValue none */
  readonly keyring?: Keyring | undefined;
}

/**
 * Who wants an image.
 *
 * @public
 */
export interface ImageUse {
  /** Such as `Deployment shop/web`. */
  readonly object: string;
  /** The name of the container or of the image volume. */
  readonly container: string;
  /** The kind of container, or `volume` for an image volume. */
  readonly kind: ImageUserKind;
  /** Where it stands among the objects, such as `items[0].spec.template.spec.containers[0]`. */
  readonly path: string;
  /** The pull policy, given or filled in. */
  readonly policy: string;
}

/**
 * What would be tried, in order: an endpoint with a credential.
 *
 * @public
 */
export interface PlannedAttempt {
  /** The registry or mirror that is asked. */
  readonly endpoint: RegistryEndpoint;
  /** Place among the credentials for this endpoint, from 1. */
  readonly rank: number;
  /** `anonymous` when there is no credential. */
  readonly source: CredentialSource;
}

/**
 * An attempt that failed, with its cause.
 *
 * @public
 */
export interface FailedAttempt extends PlannedAttempt {
  /** The cause, as a code. */
  readonly cause: FailureCause;
  /** The error that the attempt ended with. */
  readonly error: AnyImageError;
}

/**
 * Why an image cannot be pulled, and what to do.
 *
 * @public
 */
export interface PreflightFailure {
  /** The cause, as a code. */
  readonly cause: FailureCause;
  /** What has happened, in general. */
  readonly title: string;
  /** What to do about it. */
  readonly cure: string;
  /** What was said in this case. */
  readonly message: string;
  /** The error behind it; `undefined` when rules or the policy `Never` refuse the image. */
  readonly error: AnyImageError | undefined;
}

/**
 * What a node of one platform would get.
 *
 * @public
 */
export interface PlatformCheck {
  /** The platform, one of the option `platforms`. */
  readonly platform: Platform;
  /** The manifest that it would pull; `undefined` when there is none. */
  readonly manifest: Descriptor | undefined;
  /** The config and the layers, each once. */
  readonly contents: readonly Descriptor[];
  /** The size of `contents`, in bytes; 0 when there is a `failure`. */
  readonly bytes: number;
  /** Those of them that the store lacks; all of them without a store. */
  readonly missing: readonly Descriptor[];
  /** The size of `missing`, in bytes. */
  readonly missingBytes: number;
  /** Why a node of this platform gets nothing; `undefined` when it gets the image. */
  readonly failure: PreflightFailure | undefined;
}

/**
 * What a check without requests, or with few, cannot tell.
 *
 * @public
 */
export type UnknownFact = 'reachable' | 'authorized' | 'digest' | 'platforms' | 'bytes' | 'rate-limit' | 'present';

/**
 * What is left of a registry's rate limit.
 *
 * @public
 */
export type RateLimit = Omit<Extract<RegistryNotice, { readonly kind: 'rate-limit' }>, 'kind'>;

/**
 * One image, with one set of credentials.
 *
 * @public
 */
export interface ImageCheck {
  /** As the objects have it. */
  readonly image: string;
  /** The full name with the default tag; `undefined` when the image cannot be read. */
  readonly name: string | undefined;
  /** `unknown` when nothing failed that could be looked at, and something could not. */
  readonly status: 'ok' | 'failed' | 'unknown';
  /** The containers and image volumes that name the image; empty for {@link checkPull}. */
  readonly usedBy: readonly ImageUse[];
  /** What kubelet would try, in its order. */
  readonly planned: readonly PlannedAttempt[];
  /** What gave the manifest out, and for which credential. */
  readonly served: PlannedAttempt | undefined;
  /** What was tried in vain, in order, also where another attempt went well. */
  readonly attempts: readonly FailedAttempt[];
  /** What the name leads to: an index, or the manifest of an image for one platform. */
  readonly root: Descriptor | undefined;
  /** The platforms that an index names; empty without an index. */
  readonly available: readonly Platform[];
  /** In the order of the option `platforms`. */
  readonly platforms: readonly PlatformCheck[];
  /** What is left of the registry's rate limit; `undefined` when it does not tell. */
  readonly rateLimit: RateLimit | undefined;
  /** Secrets that the pods name, as `namespace/name`, and that are not there; kubelet goes on without them. */
  readonly missingSecrets: readonly string[];
  /** Why the image cannot be pulled; `undefined` unless `status` is `failed`. */
  readonly failure: PreflightFailure | undefined;
  /** What is not known, in a fixed order. */
  readonly unknown: readonly UnknownFact[];
}

/**
 * All images of the objects.
 *
 * @public
 */
export interface PreflightReport {
  /** Whether no image failed. */
  readonly ok: boolean;
  /** Whether registries were asked. */
  readonly network: boolean;
  /** By name; an image that is wanted with other credentials stands there once more. */
  readonly images: readonly ImageCheck[];
  /** Pods and pod templates that were looked at. */
  readonly pods: number;
  /** How many of `images` have the status `failed`. */
  readonly failed: number;
  /** For each platform, what all images have to fetch together: content that several have counts once. */
  readonly totals: readonly { readonly platform: Platform; readonly missingBytes: number }[];
  /** For each registry that tells its rate limit, the answer that leaves the least. */
  readonly rateLimits: readonly RateLimit[];
}

/**
 * What happens during a preflight.
 *
 * @public
 */
export type PreflightEvent =
  | {
      /** The first event: what will be asked for. */
      readonly type: 'plan';
      readonly pods: number;
      /** Images, each with one set of credentials. */
      readonly images: number;
    }
  | { readonly type: 'checking'; readonly image: string }
  | {
      readonly type: 'checked';
      readonly check: ImageCheck;
      /** Images that are done, with this one. */
      readonly done: number;
      readonly images: number;
    }
  | {
      /** A request is sent again after a pause. */
      readonly type: 'retry';
      readonly image: string;
      readonly error: AnyImageError;
      readonly delayMs: number;
    }
  | { readonly type: 'notice'; readonly image: string; readonly notice: RegistryNotice };
