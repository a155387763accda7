import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';

/**
 * What every call that waits or does I/O accepts.
 *
 * @public
 */
export interface CallOptions {
  /** Ends the call; it then rejects with the signal's own reason, unwrapped. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Time, as a value that is passed in, so that tests and simulations own it.
 *
 * @public
 */
export interface Clock {
  /** Wall time in epoch milliseconds: for expiry dates that others set. It may jump. */
  now(): number;
  /** Milliseconds from an arbitrary start that never go back: for delays and durations. */
  monotonic(): number;
  /** Waits; rejects at once with the signal's reason when that aborts. */
  sleep(ms: number, options?: CallOptions): Promise<void>;
}

/**
 * The platform's own clock: `Date`, `performance` and `setTimeout`, which every runtime has.
 *
 * @public
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, options = {}) {
    check('Cannot wait', { ms }, { ms: is.number });
    check('Cannot wait', options, is.callOptions);
    return sleep(ms, options.signal);
  },
};

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
