import type { Clock } from '../clock/index.js';

/** Times in a row that one blob is asked for without much progress between, and times in all. */
const MAX_ATTEMPTS = 5;
const MAX_ATTEMPTS_IN_ALL = 20;
/** How much has to come, this or a tenth of the blob, for a server to be worth as many attempts again. */
const PROGRESS_BYTES = 1024 * 1024;
const PROGRESS_SHARE = 0.1;
/** How long attempts may go on without that much progress, however slowly each of them dies. */
const MAX_FRUITLESS_MS = 10 * 60_000;
const FIRST_PAUSE_MS = 500;

/** Decides whether a blob that was cut is worth another request. */
export interface DownloadRetries {
  /** Milliseconds to wait before the next request; `undefined` when there is to be none. */
  pauseAfter(offset: number): number | undefined;
  /** What came before was wrong: from now on progress is counted from the first byte. */
  startOver(): void;
}

/**
 * A server that gives one byte and hangs up makes progress for ever, so only real progress earns new attempts, and none
 * earns more than there are in all. Bytes that came before count no second time.
 */
export function planRetries(
  { size, offset }: { readonly size: number; readonly offset: number },
  { clock, random }: { readonly clock: Clock; readonly random: () => number },
): DownloadRetries {
  const enough = Math.min(PROGRESS_BYTES, size * PROGRESS_SHARE);
  let [furthest, since, attempts, inAll] = [offset, clock.monotonic(), 0, 0];
  return {
    pauseAfter(reached) {
      inAll += 1;
      attempts += 1;
      if (reached - furthest >= enough) [furthest, since, attempts] = [reached, clock.monotonic(), 1];
      const fruitless = attempts >= MAX_ATTEMPTS || clock.monotonic() - since > MAX_FRUITLESS_MS;
      if (fruitless || inAll >= MAX_ATTEMPTS_IN_ALL) return undefined;
      // With jitter, so that those whom a server cut off together do not come back together.
      return FIRST_PAUSE_MS * 2 ** (attempts - 1) * (0.5 + random() / 2);
    },
    startOver() {
      furthest = 0;
    },
  };
}
