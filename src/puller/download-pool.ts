import { ImageError } from '../errors/index.js';
import { createSlots, type Slots } from '../internal/index.js';
import { createFlights, type Flights } from './flights.js';

/**
 * Layers that are downloaded at once when the caller does not say: Docker's number.
 *
 * @public
 */
export const DEFAULT_MAX_PARALLEL_DOWNLOADS = 3;

/**
 * Options of {@link createDownloadPool}.
 *
 * @public
 */
export interface DownloadPoolOptions {
  /**
   * Downloads at once, of all pulls together; a whole number from 1.
   *
   * @defaultValue {@link DEFAULT_MAX_PARALLEL_DOWNLOADS}
   */
  readonly maxParallelDownloads?: number | undefined;
}

/**
 * What the downloads of several pulls share. See {@link createDownloadPool}.
 *
 * @public
 */
export interface DownloadPool {
  readonly maxParallelDownloads: number;
  /** Downloads under way. */
  readonly active: number;
  /** Downloads that wait for their turn. */
  readonly waiting: number;
}

/** What a pool is inside. */
export interface SharedDownloads extends DownloadPool {
  readonly slots: Slots;
  readonly flights: Flights;
}

/**
 * Makes a pool for several pulls: together they download no more at once than it allows, and what two of them need at
 * the same time for the same store is downloaded once.
 *
 * A pull joins the download of another only when its own registry has given it the manifest, and, if that is another
 * repository, has the blob for it, too. If the other pull fails or is cancelled, it goes on by itself.
 *
 * @param options - the limit
 * @returns the pool, for the option `downloads` of any number of pulls; it holds nothing that has to be closed
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when `maxParallelDownloads` is not a whole number from 1
 * @example
 * ```ts
 * import { createDownloadPool, pullImage } from 'kubepull/puller';
 * import { createNodeRuntime, openOciLayout } from 'kubepull/node';
 *
 * const shared = {
 *   runtime: createNodeRuntime(),
 *   store: await openOciLayout('./layout'),
 *   downloads: createDownloadPool({ maxParallelDownloads: 6 }),
 * };
 * await Promise.all(['nginx', 'redis', 'postgres'].map((image) => pullImage(image, shared)));
 * await shared.runtime.close();
 * ```
 * @see LayerDownloadManager in moby distribution/xfer
 * @public
 */
export function createDownloadPool(options: DownloadPoolOptions = {}): DownloadPool {
  const { maxParallelDownloads = DEFAULT_MAX_PARALLEL_DOWNLOADS } = options;
  checkParallel(maxParallelDownloads, 'download with maxParallelDownloads');
  return createDownloads(maxParallelDownloads);
}

function createDownloads(maxParallelDownloads: number): SharedDownloads {
  const slots = createSlots(maxParallelDownloads);
  return {
    maxParallelDownloads,
    slots,
    flights: createFlights(),
    get active() {
      return slots.taken;
    },
    get waiting() {
      return slots.waiting;
    },
  };
}

/** The inside of a pool; for a pull that shares none, one of its own, which its other limit is enough for. */
export function sharedDownloads(pool: DownloadPool | undefined): SharedDownloads {
  if (pool === undefined) return createDownloads(Infinity);
  if (isShared(pool)) return pool;
  throw new ImageError('ERR_OPTION_INVALID', 'Cannot pull with these downloads: createDownloadPool has not made them');
}

function isShared(pool: DownloadPool): pool is SharedDownloads {
  return typeof pool === 'object' && pool !== null && 'slots' in pool && 'flights' in pool;
}

/** @throws {@link ImageError} `ERR_OPTION_INVALID` when a number of downloads is none */
export function checkParallel(value: number, what: string): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot ${what} ${value}: it must be a whole number from 1`);
}
