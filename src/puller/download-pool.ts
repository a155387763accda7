import { check, type Kind } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { createSlots, type Slots, untilAbort } from '../internal/index.js';
import type { Descriptor } from '../oci/index.js';
import type { BlobEvent } from './events.js';
import type { ImageStore } from '../store/index.js';

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
  /** How many downloads may run at the same time, of all pulls together. */
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
  check<DownloadPoolOptions>('Cannot make a download pool', options, { maxParallelDownloads: parallelKind });
  const { maxParallelDownloads = DEFAULT_MAX_PARALLEL_DOWNLOADS } = options;
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
  return pool === undefined ? createDownloads(Infinity) : (pool as SharedDownloads);
}

/** What is wrong with another object is not said by members that nobody outside knows. */
export const poolKind: Kind = {
  what: 'what createDownloadPool() gives',
  accepts: (pool) => is.object.accepts(pool) && isPool(pool as Partial<SharedDownloads>),
};

function isPool({ slots, flights }: Partial<SharedDownloads>): boolean {
  return is.object.accepts(slots) && is.object.accepts(flights);
}

export const parallelKind: Kind = /* @__PURE__ */ is.optional(/* @__PURE__ */ is.wholeFrom(1));

type Listener = (event: BlobEvent) => void;

/** A download that is under way, for those who want the same content in the same store. */
export interface Flight {
  /** Where it is from: origin and repository. */
  readonly from: string;
  /**
   * Waits for its end, and hears of its progress.
   *
   * @returns whether the content is in the store. If not, the reason is of no concern to who follows: it may be that the
   * other pull was cancelled, or that its credential ran out.
   */
  follow(listener: Listener, signal: AbortSignal): Promise<boolean>;
}

/** The downloads under way, by store and content. */
export interface Flights {
  find(store: ImageStore, blob: Descriptor): Flight | undefined;
  /** Runs a download that others may follow. */
  lead(
    at: { readonly store: ImageStore; readonly blob: Descriptor; readonly from: string },
    download: (tell: Listener) => Promise<void>,
  ): Promise<void>;
}

function createFlights(): Flights {
  const stores = new WeakMap<ImageStore, Map<string, Flight>>();
  return {
    find: (store, blob) => stores.get(store)?.get(keyOf(blob)),
    async lead({ store, blob, from }, download) {
      const flights = stores.get(store) ?? new Map<string, Flight>();
      stores.set(store, flights);
      const { tell, start } = createFlight(from);
      const { flight, ended } = start(() => download(tell));
      flights.set(keyOf(blob), flight);
      try {
        await ended;
      } finally {
        flights.delete(keyOf(blob));
      }
    },
  };
}

/** Another size means that one of the two is wrong, and neither may suffer for it. */
function keyOf({ digest, size }: Descriptor): string {
  return `${digest} ${size}`;
}

function createFlight(from: string): {
  readonly tell: Listener;
  start(download: () => Promise<void>): { readonly flight: Flight; readonly ended: Promise<void> };
} {
  const listeners = new Set<Listener>();
  let last: BlobEvent | undefined;
  return {
    tell(event) {
      last = event;
      for (const listener of listeners) listener(event);
    },
    start(download) {
      const ended = download();
      const arrived = ended.then(
        () => true,
        () => false,
      );
      const follow: Flight['follow'] = async (listener, signal) => {
        if (last !== undefined) catchUp(listener, last);
        listeners.add(listener);
        try {
          return await untilAbort(arrived, signal);
        } finally {
          listeners.delete(listener);
        }
      };
      return { flight: { from, follow }, ended };
    },
  };
}

/** Tells who comes late where the download is; of one that has ended nothing more would be heard. */
function catchUp(listener: Listener, last: BlobEvent): void {
  if (last.phase !== 'skipped') listener({ ...last, phase: 'started' });
  if (last.phase === 'skipped' || last.phase === 'verified') listener(last);
}
