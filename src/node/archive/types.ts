import type { Writable } from 'node:stream';
import type { CallOptions } from '../../clock/index.js';
import type { CreateHasher } from '../../digest/index.js';
import type { Platform } from '../../oci/index.js';
import type { CopyEvent, ImageStore } from '../../store/index.js';
import type { LayoutFileSystem } from '../layout/file-system.js';

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
  /** @defaultValue {@link nodeHasher} */
  readonly createHasher?: CreateHasher | undefined;
  /** Is told what happens, while the writer waits. When it throws, the writer ends with that error. @defaultValue nobody */
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
