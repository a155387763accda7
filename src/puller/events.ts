import type { RegistryNotice } from '../distribution/index.js';
import type { CredentialSource } from '../docker-config/index.js';
import type { AnyImageError, PullAttempt } from '../errors/index.js';
import type { CredentialCandidate } from '../keyring/index.js';
import type { RegistryEndpoint } from '../mirrors/index.js';
import type { Descriptor, Platform } from '../oci/index.js';

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
  /** The descriptor of the manifest for the platform; the store knows the image by it. */
  readonly manifest: Descriptor;
  /** The platform that the index, or else the config, gives; `undefined` when neither does. */
  readonly platform: Platform | undefined;
  /** What served it. Blobs that an endpoint before it had served by then are not asked for again. */
  readonly endpoint: RegistryEndpoint;
  /** Where the accepted credential came from. */
  readonly source: CredentialSource;
  /** The attempts that failed before it, in order. */
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
  | {
      readonly type: 'endpoint';
      readonly endpoint: RegistryEndpoint;
      /** `resolve`: only asked what the tag means, since not every endpoint may be asked for tags and content. */
      readonly purpose: 'pull' | 'resolve';
      readonly outcome: 'trying' | 'served' | 'failed';
      /** Why, when it failed. */
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
      /**
       * What there is to do, before the first byte of config and layers. Where an index does not say what its manifests are
       * for, each that is looked at has a plan, and the last counts.
       */
      readonly type: 'plan';
      readonly manifest: Descriptor;
      /** The config and the layers, each once. */
      readonly contents: readonly Descriptor[];
      /** The bytes of all of them. */
      readonly bytes: number;
      /** Those of them that the store has already. */
      readonly present: readonly Descriptor[];
      readonly presentBytes: number;
    }
  | {
      readonly type: 'blob';
      readonly descriptor: Descriptor;
      /** `skipped`: the store has it already. */
      readonly phase: 'started' | 'progress' | 'verified' | 'skipped';
      /** Bytes of this blob that are done. */
      readonly bytes: number;
      /** Bytes of the whole plan that are done, with what was there before. */
      readonly doneBytes: number;
      /** All bytes of the plan. */
      readonly totalBytes: number;
    }
  | {
      readonly type: 'retry';
      /** The blob that is asked for again; `undefined` when a request is sent again that got no answer worth reading. */
      readonly descriptor: Descriptor | undefined;
      /** Why something is asked for again; it says which request it was. */
      readonly error: AnyImageError;
      readonly delayMs: number;
      /** Where in the blob the next request starts: 0 when what came was wrong. */
      readonly offset: number | undefined;
    }
  /** The others of the pull are cancelled then. */
  | { readonly type: 'blob-failed'; readonly descriptor: Descriptor; readonly error: AnyImageError }
  /** What the registry says beside its answers. */
  | { readonly type: 'notice'; readonly notice: RegistryNotice }
  | { readonly type: 'pulled'; readonly image: PulledImage };

/** How far a blob is, whoever's pull it is of. */
export type BlobEvent = Omit<Extract<PullEvent, { readonly type: 'blob' }>, 'doneBytes' | 'totalBytes'>;

/** What a pull does, before it is said how far all of it has come. */
export type PullStep = Exclude<PullEvent, { readonly type: 'blob' }> | BlobEvent;
