import fc from 'fast-check';
import { describe, it } from 'vitest';
import {
  type BackoffOptions,
  planBackoff,
  type BackoffState,
  createBackoffTracker,
  isInBackoff,
  advanceBackoff,
} from 'kubepull/backoff';
import { isImageError } from 'kubepull/errors';

// Plain checks: `expect` shows all that it sees to the canary hook, which is slow ten thousand times.
function check(condition: boolean, ...about: readonly unknown[]): void {
  if (!condition) throw new Error(`does not hold for ${about.map((value) => JSON.stringify(value)).join(', ')}`);
}

const durations = fc.integer({ min: 0, max: 1_000_000 });
const factor = fc.double({ min: 1, max: 10, noNaN: true });
const steady: fc.Arbitrary<BackoffOptions> = fc.record({ initialMs: durations, maxMs: durations, factor });
const chancy: fc.Arbitrary<BackoffOptions> = fc.record({
  initialMs: durations,
  maxMs: durations,
  factor,
  jitter: fc.double({ min: 0, max: 3, noNaN: true }),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((value) => () => value),
});

function firstDelays(options: BackoffOptions, count: number): readonly number[] {
  const delays: number[] = [];
  for (const { delayMs } of planBackoff(options)) {
    if (delays.push(delayMs) === count) break;
  }
  return delays;
}

describe('backoffSchedule', () => {
  it('never falls but to the cap, and never passes it after the first step', () => {
    fc.assert(
      fc.property(steady, (options) => {
        const { initialMs = 0, maxMs = 0 } = options;
        const [first = Number.NaN, ...rest] = firstDelays(options, 12);
        check(first === initialMs, options);
        let before = Math.min(first, maxMs);
        for (const delay of rest) {
          check(delay >= before && delay <= maxMs, options, delay);
          before = delay;
        }
      }),
    );
  });

  it('adds by chance no more than the jitter allows', () => {
    fc.assert(
      fc.property(chancy, (options) => {
        const { initialMs = 0, maxMs = 0, factor = 2, jitter = 0 } = options;
        let before = initialMs / factor;
        for (const [index, delay] of firstDelays(options, 8).entries()) {
          const cap = index === 0 ? Number.POSITIVE_INFINITY : maxMs;
          const from = index === 0 ? initialMs : before;
          const least = Math.min(index === 0 ? initialMs : before * factor, cap);
          const most = Math.min((index === 0 ? initialMs : before * factor) + jitter * from, cap);
          check(delay >= least && delay <= most, options, index, delay);
          before = delay;
        }
      }),
    );
  });

  it('counts the time that the delays before it took', () => {
    fc.assert(
      fc.property(steady, (options) => {
        let sum = 0;
        for (const { failure, delayMs, elapsedMs } of planBackoff(options)) {
          check(elapsedMs === sum, options, failure);
          sum += delayMs;
          if (failure === 10) break;
        }
      }),
    );
  });
});

describe('nextBackoff', () => {
  it('starts anew after more than twice the maximum, and goes on before', () => {
    fc.assert(
      fc.property(steady, fc.integer(), fc.nat(3_000_000), (options, start, wait) => {
        const { initialMs = 0, maxMs = 0, factor = 2 } = options;
        const first = advanceBackoff(undefined, start, options);
        const second = advanceBackoff(first, start + wait, options);
        const want = wait > 2 * maxMs ? initialMs : Math.min(initialMs * factor, maxMs);
        check(second.delayMs === want && second.updatedAt === start + wait, options, wait, second);
      }),
    );
  });

  it('does not depend on where the clock starts', () => {
    fc.assert(
      fc.property(steady, fc.array(fc.nat(500_000), { maxLength: 8 }), fc.integer(), (options, waits, origin) => {
        const run = (start: number): readonly number[] => {
          let state: BackoffState | undefined;
          let now = start;
          return waits.map((wait) => {
            now += wait;
            state = advanceBackoff(state, now, options);
            return state.delayMs;
          });
        };
        check(String(run(0)) === String(run(origin)), options, waits, origin);
      }),
    );
  });

  it('takes any options and time, or refuses them with an error of ours', () => {
    const any = fc.option(fc.oneof(fc.double(), fc.integer(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY)), {
      nil: undefined,
    });
    const options = fc.record({ initialMs: any, maxMs: any, factor: any, jitter: any, random: fc.constant(() => 0.5) });
    fc.assert(
      fc.property(options, fc.double(), (wild, at) => {
        try {
          const state = advanceBackoff(advanceBackoff(undefined, at, wild), at, wild);
          check(Number.isFinite(state.delayMs) && state.delayMs >= 0 && state.updatedAt === at, wild, state);
        } catch (error) {
          check(isImageError(error) && error.code === 'ERR_OPTION_INVALID', wild, String(error));
        }
      }),
    );
  });
});

describe('isInBackoff', () => {
  it('holds from the failure up to, but not including, the end of the delay', () => {
    fc.assert(
      fc.property(steady, fc.nat(3_000_000), (options, wait) => {
        const { initialMs = 0, maxMs = 0 } = options;
        const state = advanceBackoff(undefined, 0, options);
        check(isInBackoff(state, wait, options) === (wait < initialMs && wait <= 2 * maxMs), options, wait);
      }),
    );
  });
});

describe('createBackoffTracker', () => {
  const operation = fc.record({
    wait: fc.nat(400_000),
    key: fc.oneof(fc.constantFrom('a', 'b', '__proto__', 'constructor', ''), fc.string({ maxLength: 4 })),
    what: fc.constantFrom('next', 'gc', 'reset', 'look'),
  });

  it('goes on the same when its state is saved and restored at any moment', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 12 }), fc.nat(12), (operations, cut) => {
        let now = 0;
        const clock = { monotonic: () => now };
        const whole = createBackoffTracker({ clock });
        let pieces = createBackoffTracker({ clock });
        for (const [index, { wait, key, what }] of operations.entries()) {
          now += wait;
          if (index === cut) pieces = createBackoffTracker({ clock, state: [...pieces.state] });
          for (const tracker of [whole, pieces]) {
            if (what === 'next') tracker.next(key);
            else if (what === 'gc') tracker.gc();
            else if (what === 'reset') tracker.reset(key);
          }
          check(whole.get(key) === pieces.get(key) && whole.size === pieces.size, operations, cut);
          check(whole.isInBackoffSinceUpdate(key) === pieces.isInBackoffSinceUpdate(key), operations, cut);
        }
      }),
    );
  });

  it('does not answer otherwise because garbage was collected', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 12 }), (operations) => {
        let now = 0;
        const clock = { monotonic: () => now };
        const [tidy, untidy] = [createBackoffTracker({ clock }), createBackoffTracker({ clock })];
        for (const { wait, key, what } of operations) {
          now += wait;
          tidy.gc();
          if (what === 'next') check(tidy.next(key).delayMs === untidy.next(key).delayMs, operations);
          check(tidy.isInBackoffSinceUpdate(key) === untidy.isInBackoffSinceUpdate(key), operations);
          check(tidy.size <= untidy.size, operations);
        }
      }),
    );
  });
});
