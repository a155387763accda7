import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BackoffState, planBackoff, createBackoffTracker, isInBackoff, advanceBackoff } from 'kubepull/backoff';
import { createFakeClock } from 'kubepull/testing';
import { amountOf } from '../support/property-runs.ts';

const S = 1000;

/** Failures and looks at one key, at seconds of a clock that a test moves. */
function track() {
  let now = 0;
  const tracker = createBackoffTracker({ clock: { monotonic: () => now } });
  const at = (seconds: number): typeof tracker => {
    now = seconds * S;
    return tracker;
  };
  return { tracker, at, fail: (seconds: number): number => at(seconds).next('k').delayMs / S };
}

describe('backoffSchedule', () => {
  it('10 s, doubled, up to 300 s', () => {
    const rows: (readonly number[])[] = [];
    for (const { failure, elapsedMs, delayMs } of planBackoff()) {
      rows.push([failure, elapsedMs / S, delayMs / S]);
      if (failure === 8) break;
    }
    expect(rows).toEqual([
      [1, 0, 10],
      [2, 10, 20],
      [3, 30, 40],
      [4, 70, 80],
      [5, 150, 160],
      [6, 310, 300],
      [7, 610, 300],
      [8, 910, 300],
    ]);
  });

  it('takes other numbers, and chance from outside', () => {
    const options = { initialMs: 100, maxMs: 1000, factor: 3, jitter: 0.5, random: () => 0.5 };
    const delays: number[] = [];
    for (const { delayMs } of planBackoff(options)) {
      delays.push(delayMs);
      if (delays.length === 4) break;
    }
    expect(delays).toEqual([125, 406.25, 1000, 1000]);
  });
});

describe('nextBackoff', () => {
  it('is the schedule, step by step', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (failures) => {
        let state: BackoffState | undefined;
        for (const { failure, delayMs, elapsedMs } of planBackoff()) {
          state = advanceBackoff(state, elapsedMs);
          expect(state).toEqual({ delayMs, updatedAt: elapsedMs });
          if (failure === failures) return;
        }
      }),
    );
  });

  it('is over exactly at the end of the delay', () => {
    const state = advanceBackoff(undefined, 0);
    expect([isInBackoff(state, 9_999), isInBackoff(state, 10_000), isInBackoff(undefined, 0)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('createBackoffTracker', () => {
  it.each([
    ['a failure long after a success is no new beginning', [0, 100], [10, 20]],
    ['600 s are not enough to be forgotten', [0, 600], [10, 20]],
    ['601 s are', [0, 601], [10, 10]],
    [
      'an attempt that hangs for 301 s after the longest delay starts anew',
      [0, 10, 30, 70, 150, 310, 911],
      [10, 20, 40, 80, 160, 300, 10],
    ],
  ])('%s', (_, times, delays) => {
    const { fail } = track();
    expect(times.map(fail)).toEqual(delays);
  });

  it('keeps keys apart', () => {
    const { tracker, fail } = track();
    fail(0);
    fail(10);
    expect([tracker.next('other').delayMs, tracker.get('k'), tracker.get('none'), tracker.size]).toEqual([
      10_000, 20_000, 0, 2,
    ]);
  });

  it('forgets at garbage collection only, and only what has expired', () => {
    const { tracker, at, fail } = track();
    fail(0);
    at(500).next('young');
    expect([at(600).gc(), tracker.size]).toEqual([0, 2]);
    expect([at(601).get('k'), at(601).gc(), tracker.size, tracker.get('k')]).toEqual([10_000, 1, 1, 0]);
  });

  it('forgets a key when told to', () => {
    const { tracker, fail } = track();
    fail(0);
    expect([tracker.delete('k'), tracker.delete('k')]).toEqual([true, false]);
    expect(fail(1)).toBe(10);
    tracker.reset('k');
    expect([fail(2), fail(3)]).toEqual([10, 20]);
  });

  it('tells two kinds of back-off apart', () => {
    const { at, fail } = track();
    fail(0);
    expect([at(9).isInBackoffSinceUpdate('k'), at(10).isInBackoffSinceUpdate('k')]).toEqual([true, false]);
    expect([at(20).isInBackoffSince('k', 15 * S), at(25).isInBackoffSince('k', 15 * S)]).toEqual([true, false]);
    expect(at(20).isInBackoffSinceUpdate('none')).toBe(false);
  });

  it('judges the age at the time that is given, and counts the delay from now', () => {
    const { tracker, at } = track();
    at(0).next('k');
    expect(at(601).next('k', 600 * S)).toEqual({ delayMs: 20_000, updatedAt: 601 * S });
    expect([at(620.999).isInBackoffSinceUpdate('k'), at(621).isInBackoffSinceUpdate('k')]).toEqual([true, false]);
    expect(tracker.state.get('k')?.updatedAt).toBe(601 * S);
  });

  it('goes on from a state that was saved', () => {
    const { tracker, fail } = track();
    fail(0);
    fail(10);
    const saved = [...tracker.state];
    const restored = createBackoffTracker({ clock: { monotonic: () => 30 * S }, state: saved });
    expect([restored.next('k').delayMs, tracker.get('k')]).toEqual([40_000, 20_000]);
  });

  it('pays no heed to the wall clock [T01]', async () => {
    const clock = createFakeClock();
    const tracker = createBackoffTracker({ clock });
    const delays: number[] = [];
    for (const jump of [0, 365 * 86_400_000, 0, -1]) {
      delays.push(tracker.next('k').delayMs);
      clock.setWallClock(Math.max(0, jump));
      await clock.advance(1000);
    }
    expect(delays).toEqual([10_000, 20_000, 40_000, 80_000]);
  });

  it('takes keys that objects have, and very many of them [T02]', () => {
    const { tracker, at } = track();
    for (const key of ['__proto__', 'constructor', 'toString', '', 'a\u0000b']) {
      expect([tracker.get(key), tracker.next(key).delayMs]).toEqual([0, 10_000]);
    }
    const many = amountOf({ here: 100_000, inCi: 1_000_000 });
    for (let count = 0; count < many; count += 1) tracker.next(`pod-${count}`);
    expect([tracker.size, at(601).gc(), tracker.size]).toEqual([many + 5, many + 5, 0]);
  });

  it.each([
    [{ initialMs: -1 }],
    [{ initialMs: Number.NaN }],
    [{ maxMs: Number.POSITIVE_INFINITY }],
    [{ maxMs: 2 ** 54 }],
    [{ factor: 0.5 }],
    [{ jitter: -0.1 }],
  ])('refuses %j [T02]', (options) => {
    const refusal = expect.objectContaining({ code: 'ERR_OPTION_INVALID' });
    expect(() => createBackoffTracker({ clock: { monotonic: () => 0 }, ...options })).toThrow(refusal);
    expect(() => advanceBackoff(undefined, 0, options)).toThrow(refusal);
    expect(() => advanceBackoff(undefined, 0, options)).toThrow(Object.keys(options)[0]);
    expect(() => planBackoff(options)).toThrow(refusal);
  });

  it('draws chance over the whole of its range, and only where there is jitter', () => {
    const noChance = (): number => {
      throw new Error('asked');
    };
    expect(advanceBackoff(undefined, 0, { maxMs: 0, random: noChance })).toEqual({ delayMs: 10_000, updatedAt: 0 });
    expect(advanceBackoff(undefined, 0, { jitter: 1, random: () => 0.5 }).delayMs).toBe(15_000);
    const delays = Array.from(
      { length: 300 },
      () => advanceBackoff(undefined, 0, { initialMs: 1000, jitter: 1 }).delayMs,
    );
    const [least, most] = [Math.min(...delays), Math.max(...delays)];
    expect([least >= 1000, least < 1100, most > 1900, most < 2000]).toEqual([true, true, true, true]);
  });

  it('forgets a state that has expired, whatever its delay', () => {
    const state = [['k', { delayMs: 10_000_000, updatedAt: 0 }]] as const;
    const tracker = createBackoffTracker({ clock: { monotonic: () => 0 }, maxMs: 1000, state });
    const held = [2000, 2001].map((at) => [tracker.isInBackoffSinceUpdate('k', at), tracker.isInBackoffSince('k', at)]);
    expect(held).toEqual([
      [true, true],
      [false, false],
    ]);
    expect(() => tracker.isInBackoffSince('k', Number.NaN)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
    );
  });

  it('is the pure step for each key, whatever is asked in between', () => {
    const step = fc.record({ key: fc.constantFrom('a', 'b'), wait: fc.nat(400_000), look: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        let now = 0;
        const tracker = createBackoffTracker({ clock: { monotonic: () => now } });
        const states = new Map<string, BackoffState>();
        for (const { key, wait, look } of steps) {
          now += wait;
          if (look) expect(tracker.isInBackoffSinceUpdate(key)).toBe(isInBackoff(states.get(key), now));
          states.set(key, advanceBackoff(states.get(key), now));
          expect(tracker.next(key)).toEqual(states.get(key));
        }
      }),
    );
  });
});
