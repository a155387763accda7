import { setImmediate } from 'node:timers/promises';
import type { CallOptions, Clock } from '../clock/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';

/**
 * A clock that stands still until a test moves it.
 *
 * @public
 */
export interface FakeClock extends Clock {
  /** How many sleeps wait for their time. */
  readonly pending: number;
  /**
   * Moves time on. Sleeps end in the order of their time, each with the clock at that time; what they start meanwhile
   * counts, so a loop of short sleeps runs as often as it would. Resolves when the code that they woke has run.
   *
   * @throws {@link ImageError} `ERR_OPTION_INVALID` for a time that goes back
   */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock, as an operator or NTP may; sleeps and `monotonic()` do not notice. */
  setWallClock(ms: number): void;
}

/**
 * Options of {@link createFakeClock}.
 *
 * @public
 */
export interface FakeClockOptions {
  /**
   * The wall time to start with, in epoch milliseconds.
   *
   * @defaultValue the start of 2026, UTC
   */
  readonly now?: number | undefined;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/**
 * Makes a clock for tests: no test waits, and each delay can be looked at.
 *
 * @param options - the wall time to start with
 * @returns the clock, with 0 as its monotonic time
 * @example
 * ```ts
 * import { createFakeClock } from 'kubepull/testing';
 *
 * const clock = createFakeClock({ now: 0 });
 * const slept = clock.sleep(10_000);
 * await clock.advance(10_000);
 * await slept;
 * clock.setWallClock(0); // the wall clock jumps back, and monotonic() stays at 10_000
 * ```
 * @public
 */
export function createFakeClock(options: FakeClockOptions = {}): FakeClock {
  check<FakeClockOptions>('Cannot make a clock', options, { now: is.optional(is.finite) });
  const sleepers = new Set<Sleeper>();
  let elapsed = 0;
  let wallAtStart = options.now ?? Date.UTC(2026, 0, 1);
  const next = (): Sleeper | undefined => [...sleepers].toSorted((a, b) => a.at - b.at)[0];
  return {
    now: () => wallAtStart + elapsed,
    monotonic: () => elapsed,
    async sleep(ms, call = {}) {
      check('Cannot wait', { ms }, { ms: is.number });
      check<CallOptions>('Cannot wait', call, is.callOptions);
      return sleepUntil(sleepers, ms > 0 ? elapsed + ms : undefined, call.signal);
    },
    get pending() {
      return sleepers.size;
    },
    async advance(ms) {
      check('Cannot advance the clock', { ms }, { ms: is.numberFrom(0, Infinity) });
      const end = elapsed + ms;
      await setImmediate();
      for (let due = next(); due !== undefined && due.at <= end; due = next()) {
        elapsed = Math.max(elapsed, due.at);
        due.wake();
        await setImmediate();
      }
      elapsed = end;
    },
    setWallClock(ms) {
      check('Cannot set the clock', { ms }, { ms: is.finite });
      wallAtStart = ms - elapsed;
    },
  };
}

/** Waits among the sleepers; without a time it is over at once. */
function sleepUntil(sleepers: Set<Sleeper>, at: number | undefined, signal: CallOptions['signal']): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    if (at === undefined) {
      resolve();
      return;
    }
    const leave = (): void => {
      sleepers.delete(sleeper);
      signal?.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      leave();
      reject(signal?.reason as Error);
    };
    const wake = (): void => {
      leave();
      resolve();
    };
    const sleeper: Sleeper = { at, wake };
    sleepers.add(sleeper);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
