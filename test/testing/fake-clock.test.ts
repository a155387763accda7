import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createFakeClock } from 'kubepull/testing';

describe('createFakeClock', () => {
  it('stands still until it is moved', async () => {
    const clock = createFakeClock({ now: 1000 });
    expect([clock.now(), clock.monotonic()]).toEqual([1000, 0]);
    await clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1250, 250]);
    expect(createFakeClock().now()).toBe(Date.parse('2026-01-01'));
  });

  it('ends sleeps in the order of their time, each at its time', async () => {
    const clock = createFakeClock();
    const log: string[] = [];
    const sleeper = async (name: string, ms: number): Promise<void> => {
      await clock.sleep(ms);
      log.push(`${name} ${clock.monotonic()}`);
    };
    const all = [sleeper('late', 300), sleeper('early', 100), sleeper('also early', 100), sleeper('never', 301)];
    await clock.advance(99);
    expect(log).toEqual([]);
    await clock.advance(201);
    expect(log).toEqual(['early 100', 'also early 100', 'late 300']);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    await Promise.all(all);
  });

  it('counts sleeps that start while it moves', async () => {
    const clock = createFakeClock();
    const delays: number[] = [];
    const loop = (async () => {
      for (let ms = 10; ms <= 80; ms *= 2) {
        await clock.sleep(ms);
        delays.push(clock.monotonic());
      }
    })();
    await clock.advance(150);
    await loop;
    expect(delays).toEqual([10, 30, 70, 150]);
    expect(clock.monotonic()).toBe(150);
  });

  it('sets the wall clock without a word to the sleepers', async () => {
    const clock = createFakeClock({ now: 0 });
    const slept = clock.sleep(100);
    clock.setWallClock(10 ** 12);
    expect([clock.now(), clock.monotonic(), clock.pending]).toEqual([10 ** 12, 0, 1]);
    await clock.advance(100);
    await slept;
    clock.setWallClock(-5);
    expect([clock.now(), clock.monotonic()]).toEqual([-5, 100]);
  });

  it('rejects with the reason of the signal, and leaves no listener', async () => {
    const clock = createFakeClock();
    const controller = new AbortController();
    const { signal } = controller;
    const [first, second] = [clock.sleep(10, { signal }), clock.sleep(20, { signal })];
    await clock.advance(10);
    await first;
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(second).rejects.toBe(reason);
    await expect(clock.sleep(5, { signal })).rejects.toBe(reason);
    expect([clock.pending, getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
  });

  it('does not wait for no time', async () => {
    const clock = createFakeClock();
    for (const ms of [0, -1]) await clock.sleep(ms);
    await expect(clock.sleep(Number.NaN)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    expect(clock.pending).toBe(0);
  });

  it.each([-1, Number.NaN])('refuses to advance by %d', async (ms) => {
    await expect(createFakeClock().advance(ms)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });
});
