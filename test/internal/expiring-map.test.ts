import { describe, expect, it } from 'vitest';
import { createFakeClock } from 'kubepull/testing';
import { createExpiringMap } from '../../src/internal/expiring-map.ts';

const MINUTE = 60_000;

describe('createExpiringMap', () => {
  it('keeps an answer up to the very moment at which it expires, and drops it when it is touched after that', async () => {
    const clock = createFakeClock();
    const cache = createExpiringMap<string[]>(() => clock.monotonic());
    cache.set('a', [], MINUTE);
    await clock.advance(MINUTE);
    expect(cache.get('a')).toEqual([]);
    await clock.advance(1);
    expect([cache.size, cache.get('a'), cache.size]).toEqual([1, undefined, 0]);
  });

  it('drops all that has expired at the first look-up after more than 15 minutes, and nothing else', async () => {
    const clock = createFakeClock();
    const cache = createExpiringMap<string[]>(() => clock.monotonic());
    cache.set('old', [], MINUTE);
    cache.set('young', [], 60 * MINUTE);
    await clock.advance(15 * MINUTE);
    cache.get('other');
    expect(cache.size).toBe(2);
    await clock.advance(1);
    cache.get('other');
    expect([cache.size, cache.get('young')]).toEqual([1, []]);
  });

  it('counts the 15 minutes from the last time', async () => {
    const clock = createFakeClock();
    const cache = createExpiringMap<string[]>(() => clock.monotonic());
    await clock.advance(16 * MINUTE);
    cache.get('other');
    cache.set('old', [], MINUTE);
    await clock.advance(15 * MINUTE);
    cache.get('other');
    expect(cache.size).toBe(1);
  });
});
