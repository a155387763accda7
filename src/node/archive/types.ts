import type { Writable } from 'node:stream';
import type { CallOptions } from '../../clock/index.js';
import type { CreateHasher } from '../../digest/index.js';
import type { Platform } from '../../oci/index.js';
import type { CopyEvent, ImageStore } from '../../store/index.js';
import type { LayoutFileSystem } from '../files/file-system.js';

/**
 * Where archives take images from.
 *
 * @public
 */
export type ArchiveSource = Pick<ImageStore, 'has' | 'read' | 'resolve'>;

/**
 * An image for an archive: its name in the store, or that and the name that the archive shall give it.
 *
 * @public
 */
export type ArchiveImage = string | { readonly name: string; readonly as: string };

/**
 * Where an archive goes: the path of a file, or a stream of Node.
 *
 * A file shows under its name when it is whole, verified and on the disk, and not before. A stream is written to no
 * faster than it takes, and neither ended nor destroyed: what comes behind the archive is up to whoever opened it.
 *
 * @public
 */
export type ArchiveSink = string | Writable;

/**
 * Options of both kinds of archives.
 *
 * @public
 */
export interface ArchiveOptions extends CallOptions {
  /** Whose image to take of an index. @defaultValue all of them; in a docker-archive this machine's */
  readonly platform?: Platform | undefined;
  /**
   * Whether an image without index is refused when its config names another platform than `platform`.
   *
   * @defaultValue `false`: it is taken, and `onEvent` is told of the label
   */
  readonly strictPlatform?: boolean | undefined;
  /** Makes the hashers that verify content. @defaultValue {@link nodeHasher} */
  readonly createHasher?: CreateHasher | undefined;
  /** Is told what happens, while the writer waits. When it throws, the writer ends with that error. @defaultValue none */
  readonly onEvent?: ((event: CopyEvent) => void) | undefined;
}

/**
 * Options of what writes an archive to a sink.
 *
 * @public
 */
export interface ArchiveFileOptions {
  /**
   * The file system that a path is in.
   *
   * @defaultValue {@link nodeFileSystem}
   */
  readonly fs?: LayoutFileSystem | undefined;
}

/**
 * How large one layer may unpack when the caller does not say: 64 GiB.
 *
 * @public
 */
export const DEFAULT_MAX_UNPACKED_BYTES: number = 64 * 1024 ** 3;

/**
 * Options of {@link writeDockerArchive}.
 *
 * @public
 */
export interface DockerArchiveOptions extends ArchiveOptions {
  /**
   * How layers are written: as the store has them, gzip or not, which all loaders read today; or unpacked, as
   * `docker save` did before Docker 25. Layers in zstd are always unpacked, because older loaders do not know it; that
   * takes Node 22.15 or newer. A layer that is unpacked is read twice.
   *
   * @defaultValue `'stored'`
   */
  readonly layers?: 'stored' | 'unpacked' | undefined;
  /**
   * Bytes that one layer may unpack to.
   *
   * @defaultValue {@link DEFAULT_MAX_UNPACKED_BYTES}
   */
  readonly maxUnpackedBytes?: number | undefined;
}
