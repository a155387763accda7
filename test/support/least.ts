// Bounds on time and memory. What else a machine does, and garbage that lies about, make some tries dear; what takes too much
// by itself does so each time.

const TRIES = 20;

/** The least that a try measured; tries no more once that is below the bound. */
export async function least(bound: number, attempt: () => Promise<number>): Promise<number> {
  let best = Infinity;
  for (let at = 0; at < TRIES && best >= bound; at += 1) best = Math.min(best, await attempt());
  return best;
}

/** As {@link least}, of the milliseconds that a call takes. */
export function leastTime(bound: number, call: () => unknown): number {
  let best = Infinity;
  for (let at = 0; at < TRIES && best >= bound; at += 1) {
    const start = performance.now();
    call();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}
