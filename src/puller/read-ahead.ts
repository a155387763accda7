import { linkAbort } from './abort.js';
import type { Slots } from '../internal/index.js';

/** How far ahead is read, and with whose places. */
export interface Window {
  /** Parts that are fetched, or wait to be taken, at once. */
  readonly parallel: number;
  /** Where the places for all parts but one come from; the one has the place of whoever reads. */
  readonly slots: Pick<Slots, 'spare' | 'enterSpare'>;
  readonly signal: AbortSignal;
}

/**
 * Fetches parts at once and gives them out in order. No more than a window of them is in memory, so a slow reader slows
 * the fetching down.
 *
 * It never waits for a place. It ends early when there is none but the reader's own: without others beside it, one
 * stream is better than a request for each part.
 *
 * When the loop is left, and when a part fails, all that is under way is cancelled and awaited.
 */
export async function* readAhead<P, T>(
  parts: Iterable<P>,
  fetchPart: (part: P, signal: AbortSignal) => Promise<T>,
  { parallel, slots, signal }: Window,
): AsyncGenerator<T, void, undefined> {
  const { controller, release } = linkAbort(signal);
  const queue = parts[Symbol.iterator]();
  const underWay: Promise<T>[] = [];
  const enter = planPlaces(slots);
  const start = (): boolean => {
    const leave = enter();
    if (leave === undefined) return false;
    const next = queue.next();
    if (next.done === true) {
      leave();
      return false;
    }
    const fetched = fetchPart(next.value, controller.signal).finally(leave);
    // Its failure is seen when its turn comes.
    fetched.catch(() => undefined);
    underWay.push(fetched);
    return true;
  };
  try {
    for (;;) {
      while (underWay.length < parallel && start());
      const [first] = underWay;
      if (first === undefined) return;
      yield await first;
      void underWay.shift();
    }
  } finally {
    controller.abort();
    await Promise.allSettled(underWay);
    release();
  }
}

/** The reader's own place is used as long as another part is, or can be, fetched beside it. */
function planPlaces(slots: Window['slots']): () => (() => void) | undefined {
  let ownTaken = false;
  let others = 0;
  return () => {
    if (!ownTaken && (others > 0 || slots.spare)) {
      ownTaken = true;
      return () => void (ownTaken = false);
    }
    const leave = slots.enterSpare();
    if (leave === undefined) return undefined;
    others += 1;
    return () => {
      others -= 1;
      leave();
    };
  };
}
