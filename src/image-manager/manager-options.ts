import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { recordsKind } from '../image-access/inner.js';
import { imageServiceKind } from '../image-service/inner.js';
import type { BackoffOptions } from '../backoff/index.js';
import type { CallOptions, Clock } from '../clock/index.js';
import type { CreateHasher } from '../digest/index.js';
import type { PulledRecords } from '../image-access/index.js';
import type { ReleaseOptions } from '../kubernetes/index.js';
import type { ImageRules } from '../rules/index.js';
import { rulesKind } from '../rules/inner.js';
import type { Tracing } from '../tracing/index.js';
import type { PullConfiguration } from './configuration.js';
import type { NodeKeyring } from './credentials.js';
import type { ImageEvent } from './manager-types.js';
import type { ImageService, PodSandbox, PullCall } from '../image-service/index.js';

/**
 * What happens during a pull of an image manager.
 *
 * @public
 */
export interface ImagePullEvent {
  /** The image as the runtime is asked for it. */
  readonly image: string;
  /** The pod that the pull is made for; of merged pulls, the one that began it. `undefined` when there is none. */
  readonly sandbox: PodSandbox | undefined;
  /** What the pull itself tells: its plan, each blob with totals, credentials, retries. */
  readonly event: Parameters<NonNullable<PullCall['onEvent']>>[0];
}

/**
 * How an image manager works.
 *
 * @public
 */
export interface ImageManagerOptions extends PullConfiguration, ReleaseOptions {
  /** The runtime that has the images. */
  readonly images: ImageService;
  /** Where hashes of credentials come from, such as `nodeHasher` of `kubepull/node`. */
  readonly createHasher: CreateHasher;
  /** The node's credentials, which are tried after those of the pod's secrets. @defaultValue none */
  readonly keyring?: NodeKeyring | undefined;
  /**
   * What is remembered of pulls.
   *
   * @defaultValue in memory: after a restart all images count as preloaded
   */
  readonly records?: PulledRecords | undefined;
  /** Measures pulls, back-offs and `registryPullQPS`, and dates records. @defaultValue `systemClock` */
  readonly clock?: Clock | undefined;
  /** How the delays after failed pulls grow. @defaultValue those of kubelet: 10 seconds, doubled up to 5 minutes */
  readonly backoff?: BackoffOptions | undefined;
  /** Gives the handler of a RuntimeClass; used while the gate `RuntimeClassInImageCriApi` is on. */
  readonly runtimeHandler?: ((runtimeClassName: string, options: CallOptions) => string | Promise<string>) | undefined;
  /**
   * Which images may be used at all, present or not. What the rules refuse waits with `ErrImagePull`, and the runtime and the registry
   * are not asked.
   *
   * @defaultValue every image
   */
  readonly rules?: ImageRules | undefined;
  /**
   * Pulls of the same image with equal credentials that are waiting or under way are made once, for all who want it.
   * Credentials are never shared: who has others pulls with those.
   *
   * @defaultValue `false`, as in kubelet, which leaves it to the runtime
   */
  readonly mergeEqualPulls?: boolean | undefined;
  /**
   * An image that was absent is looked for once more when the turn of its pull has come, and used if it is there by then.
   *
   * @defaultValue `false`, as in kubelet, which looks before it queues and not after
   */
  readonly recheckPresence?: boolean | undefined;
  /**
   * Watches each image of a pod, the look-up of its credentials, and the calls of `images`: counters, or the channels of
   * `createDiagnosticsTracing` of `kubepull/node`.
   *
   * @defaultValue none
   */
  readonly tracing?: Tracing | undefined;
  /**
   * Judges each image that is pulled, once its manifest is known and before anything else of it is asked for. A refusal
   * makes the container wait with `SignatureValidationFailed`. An image that is present is not judged again. `images` has to
   * be a service that asks it, such as `createPullerImageService` gives; a runtime has its own policy.
   *
   * @defaultValue every image is pulled
   */
  readonly verify?: PullCall['verify'];
  /**
   * Hears what the pulls do, such as their plan and progress, where `images` tells it, as that of
   * `createPullerImageService` does. It must not throw.
   *
   * @defaultValue none
   */
  readonly onPullEvent?: ((event: ImagePullEvent) => void) | undefined;
  /** Hears of every event, at once and in order. It must not throw. */
  readonly onEvent?: ((event: ImageEvent) => void) | undefined;
  /** Hears of records that could not be read or written, where kubelet writes a line to its log and goes on. */
  readonly onWarning?: ((error: unknown) => void) | undefined;
}

/** Checks all but what is of kubelet's configuration. The members of `backoff` are checked where they are read. */
export function checkManagerOptions(options: ImageManagerOptions): void {
  check<Omit<ImageManagerOptions, keyof PullConfiguration | 'release'>>('Cannot create the image manager', options, {
    images: imageServiceKind,
    createHasher: is.hasher,
    keyring: is.optional(is.either(is.having('a keyring', 'lookup'), is.callable)),
    records: is.optional(recordsKind),
    clock: is.optional(is.clock),
    backoff: is.optional(is.object),
    tracing: is.optional(is.tracing),
    runtimeHandler: is.optional(is.callable),
    rules: is.optional(rulesKind),
    mergeEqualPulls: is.optional(is.bool),
    recheckPresence: is.optional(is.bool),
    verify: is.optional({ ...is.callable, what: 'a function of a resolved image' }),
    onPullEvent: is.optional(is.callable),
    onEvent: is.optional(is.callable),
    onWarning: is.optional(is.callable),
  });
}
