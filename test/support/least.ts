// Bounds that hold on any machine. What else it does, and garbage that lies about, make some tries dear; what takes too much by
// itself does so each time. So no time is bounded, only how it grows, how many turns something takes, and memory.
import { setImmediate } from 'node:timers/promises';
import { isMutated } from './property-runs.ts';

const TRIES = 20;
/** Shorter calls are timed many at once. */
const MIN_MS = 0.5;

/** The least that a try measured; tries no more once that is below the bound. */
export async function least(bound: number, attempt: () => Promise<number>): Promise<number> {
  let best = Infinity;
  for (let at = 0; at < TRIES && best >= bound; at += 1) best = Math.min(best, await attempt());
  return best;
}

/** How many times as long a large input takes as a small one, each at its best; tries no more once that is below the bound. */
export function growth(bound: number, small: () => unknown, large: () => unknown): number {
  if (isMutated) {
    // Code that is changed, and holds a switch at each place, is not timed.
    large();
    return 0;
  }
  let count = 1;
  while (timeOf(small, count) < MIN_MS) count *= 2;
  const best = { small: Infinity, large: Infinity };
  for (let at = 0; at < TRIES && !(best.large < bound * best.small); at += 1) {
    best.small = Math.min(best.small, timeOf(small, count) / count);
    best.large = Math.min(best.large, timeOf(large, 1));
  }
  return best.large / best.small;
}

/** Milliseconds of the processor, which other processes take nothing of. */
function timeOf(call: () => unknown, count: number): number {
  const start = process.cpuUsage();
  for (let at = 0; at < count; at += 1) call();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** The turns of the event loop within which something settles; a thousand at most. */
export async function turnsOf(settling: Promise<unknown>): Promise<number> {
  const state = { isSettled: false };
  const settle = (): void => void (state.isSettled = true);
  void settling.then(settle, settle);
  let turns = 0;
  for (; !state.isSettled && turns < 1000; turns += 1) await setImmediate();
  return turns;
}
