import type { Platform } from '../../oci/index.js';
import type { CopiedContent } from '../../store/index.js';
import type { ArchiveFileOptions, ArchiveOptions } from './types.js';

/**
 * Where an archive comes from: the path of a file, or its bytes, such as `process.stdin` or the body of an answer.
 *
 * A file that is not packed is read where it is. One that is packed, and every stream, goes through one temporary file in
 * the system's folder for these; nothing of it is left afterwards, whatever happens.
 *
 * @public
 */
export type ImageArchive = string | AsyncIterable<Uint8Array>;

/**
 * Options of `loadImageArchive`.
 *
 * @public
 */
export interface LoadArchiveOptions extends ArchiveOptions, ArchiveFileOptions {
  /**
   * The name of the image in the store, for an archive of one image.
   *
   * @defaultValue the names that the archive gives
   */
  readonly as?: string | undefined;
  /**
   * Bytes that the files of the archive may have together, unpacked, and each packed layer of a docker-archive.
   *
   * @defaultValue `DEFAULT_MAX_UNPACKED_BYTES`, 64 GiB
   */
  readonly maxUnpackedBytes?: number | undefined;
}

/**
 * An image that was loaded from an archive.
 *
 * @public
 */
export interface LoadedImage extends CopiedContent {
  /** Its names in the store now; its digest where the archive gives none. */
  readonly names: readonly string[];
  /** What it is for, each platform once; an artifact is for none. */
  readonly platforms: readonly Platform[];
}
