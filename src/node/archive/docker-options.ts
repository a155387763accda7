import type { ArchiveOptions } from './types.js';

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
