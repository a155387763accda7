import type { CallOptions, Clock } from '../clock/index.js';
import type { CreateHasher } from '../digest/index.js';
import type { Transport } from '../distribution/index.js';
import type { CredentialSource } from '../docker-config/index.js';
import type { AnyImageError } from '../errors/index.js';
import type { CredentialCandidate, Keyring } from '../keyring/index.js';
import type { Descriptor, Platform } from '../oci/index.js';
import type { ImageStore } from '../store/index.js';

/**
 * What a pull needs from its surroundings. `createNodeRuntime` of `kubepull/node` gives one.
 *
 * @public
 */
export interface PullRuntime {
  readonly transport: Transport;
  readonly createHasher: CreateHasher;
  /** The platform to pull for when the call names none: that of the node. */
  readonly platform: Platform;
  /** @defaultValue `systemClock` */
  readonly clock?: Clock | undefined;
}

/**
 * What to pull, with what, and where to.
 *
 * @public
 */
export interface PullOptions extends CallOptions {
  readonly runtime: PullRuntime;
  readonly store: ImageStore;
  /** Where credentials come from; anonymous when absent or when it has none for the image. */
  readonly keyring?: Keyring | undefined;
  /** @defaultValue the runtime's platform */
  readonly platform?: Platform | undefined;
  /**
   * Layers downloaded at once, a whole number from 1.
   *
   * @defaultValue {@link DEFAULT_MAX_PARALLEL_DOWNLOADS}
   */
  readonly maxParallelDownloads?: number | undefined;
  /** Registries (`host` or `host:port`) to speak plain HTTP with; all others are spoken to over TLS only. */
  readonly plainHttp?: readonly string[] | undefined;
}

/**
 * A credential that was tried and refused.
 *
 * @public
 */
export interface PullAttempt {
  readonly rank: number;
  readonly source: CredentialSource;
  readonly error: AnyImageError;
}

/**
 * An image that is in the store.
 *
 * @public
 */
export interface PulledImage {
  /** The image as the caller wrote it. */
  readonly image: string;
  /** The name that the store knows it by: the full reference, default tag included. */
  readonly name: string;
  /** CRI's `image_ref`: the image's ID, which is the digest of its config. */
  readonly imageRef: string;
  /** `name@digest` of what the registry answered: an index for a multi-platform image. */
  readonly repoDigest: string;
  readonly manifest: Descriptor;
  readonly platform: Platform | undefined;
  /** Where the accepted credential came from. */
  readonly source: CredentialSource;
  /** The credentials that were refused before it, in order. */
  readonly attempts: readonly PullAttempt[];
}

/**
 * What happens during a pull.
 *
 * @public
 */
export type PullEvent =
  | {
      readonly type: 'credential';
      readonly rank: number;
      readonly source: CredentialSource;
      /** `undefined` for an anonymous attempt. */
      readonly candidate: CredentialCandidate | undefined;
      /** `duplicate`: equal to one that was refused, so it is not sent again. */
      readonly outcome: 'trying' | 'accepted' | 'rejected' | 'duplicate';
      /** Why, when it was rejected. */
      readonly error: AnyImageError | undefined;
    }
  | { readonly type: 'manifest'; readonly descriptor: Descriptor }
  | {
      readonly type: 'platform';
      readonly wanted: Platform;
      readonly chosen: Descriptor;
      readonly available: readonly Platform[];
    }
  | {
      readonly type: 'blob';
      readonly descriptor: Descriptor;
      /** `skipped`: the store has it already. */
      readonly phase: 'started' | 'progress' | 'verified' | 'skipped';
      /** Bytes of this blob that are done. */
      readonly bytes: number;
    }
  | { readonly type: 'pulled'; readonly image: PulledImage };
