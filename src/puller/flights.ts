import { untilAbort } from '../internal/index.js';
import type { Descriptor } from '../oci/index.js';
import type { ImageStore } from '../store/index.js';
import type { PullEvent } from './types.js';

export type BlobEvent = Extract<PullEvent, { readonly type: 'blob' }>;
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

export function createFlights(): Flights {
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
