import type { CallOptions } from '../../clock/index.js';
import type { Descriptor, ImageConfig, ImageIndex, ImageManifest, ParsedManifest } from '../../oci/index.js';

/**
 * A manifest or index as the registry sent it: the bytes, and the descriptor that they were verified against.
 *
 * @public
 */
export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/**
 * How a manifest is fetched.
 *
 * @public
 */
export interface FetchManifestOptions extends CallOptions {
  /**
   * The entry of an index to fetch, from the reference's repository, in place of what the reference names. What comes has
   * to agree with it in media type, digest and size.
   *
   * @defaultValue what the reference names
   */
  readonly descriptor?: Descriptor | undefined;
}

/**
 * A part of a blob: where the registry's answer starts and ends, and its bytes.
 *
 * @public
 */
export interface FetchedBlob {
  /** The offset of the first byte: what was asked for, or 0 when the registry ignores ranges. */
  readonly offset: number;
  /** The offset behind its last byte: the `end` that was asked for, or the size when the registry sends all of it. */
  readonly end: number;
  /** Unverified bytes, and as many as the registry sends; the store verifies them before it commits. */
  readonly content: AsyncIterable<Uint8Array>;
}

/**
 * Which part of a blob is fetched, and how.
 *
 * @public
 */
export interface FetchBlobOptions extends CallOptions {
  /** @defaultValue 0 */
  readonly offset?: number | undefined;
  /**
   * The offset behind the last byte that is wanted. An answer counts only if it is exactly that range; else all of the
   * blob is fetched.
   *
   * @defaultValue the blob's size
   */
  readonly end?: number | undefined;
  /**
   * How many times a token that the registry takes no more may be replaced; counted down, so that all requests for one
   * blob can share it.
   *
   * @defaultValue once a request
   */
  readonly refreshes?: { left: number } | undefined;
}

/**
 * How a reference is read that may name an index.
 *
 * @public
 */
export interface ChooseOptions extends FetchManifestOptions {
  /**
   * Picks the entry of an index to go on with, such as `(index) => selectManifest(index, platform)`. Indexes within
   * indexes are followed four levels deep.
   *
   * @defaultValue nothing is picked: `manifest` gives an index as it is, and `config` of one is `ERR_REGISTRY_DOCUMENT`
   */
  readonly choose?: ((index: ImageIndex) => Descriptor) | undefined;
}

/**
 * A manifest or index that was verified and read.
 *
 * @public
 */
export type ReadManifest = FetchedManifest & ParsedManifest;

/**
 * The config of an image or artifact.
 *
 * @public
 */
export interface ReadConfig {
  /** The manifest that names it, with the platform that the index or else the config gives. */
  readonly manifest: Descriptor;
  readonly descriptor: Descriptor;
  /** Verified. */
  readonly bytes: Uint8Array;
  /** What it says of the image; `undefined` when it is not an image's config, as that of an artifact. */
  readonly image: ImageConfig | undefined;
  /** The manifest itself. */
  readonly document: ImageManifest;
}
