import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { readAhead } from '../../src/puller/layer-ranges.ts';
import { createSlots } from '../../src/internal/slots.ts';
import { countingSignal } from '../support/invariants.ts';

const { signal } = new AbortController();
const parts = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at);

/** Fetches that end when the test says so. */
function controlled() {
  const pending = new Map<number, { resolve(value: number): void; reject(error: unknown): void }>();
  const started: number[] = [];
  const cancelled: number[] = [];
  return {
    pending,
    started,
    cancelled,
    fetch: (part: number, partSignal: AbortSignal) =>
      new Promise<number>((resolve, reject) => {
        started.push(part);
        pending.set(part, { resolve, reject });
        partSignal.addEventListener('abort', () => {
          cancelled.push(part);
          reject(partSignal.reason as Error);
        });
      }),
  };
}

async function collect<T>(from: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const value of from) all.push(value);
  return all;
}

describe('readAhead', () => {
  it('gives the parts out in order, in whatever order they come', async () => {
    const turns = [5, 1, 4, 0, 3, 2, 6, 1];
    const fetch = async (part: number): Promise<number> => {
      for (let turn = 0; turn < (turns[part] ?? 0); turn += 1) await setImmediate();
      return part;
    };
    const slots = createSlots(Infinity);
    expect(await collect(readAhead(parts(8), fetch, { parallel: 3, slots, signal }))).toEqual(parts(8));
    expect(slots.taken).toBe(0);
  });

  it('holds no more parts than the window, the one that is being taken included', async () => {
    const { fetch, started, pending } = controlled();
    const reader = readAhead(parts(10), fetch, { parallel: 3, slots: createSlots(Infinity), signal });
    const first = reader.next();
    await setImmediate();
    expect(started).toEqual([0, 1, 2]);
    for (const { resolve } of pending.values()) resolve(1);
    await first;
    await setImmediate();
    expect(started).toEqual([0, 1, 2]);
    await reader.next();
    expect(started).toEqual([0, 1, 2, 3]);
    await reader.return();
  });

  it('takes a place for each part but one, and gives it back as soon as the part is there', async () => {
    const { fetch, started, pending } = controlled();
    const slots = createSlots(2);
    const reader = readAhead(parts(10), fetch, { parallel: 4, slots, signal });
    const first = reader.next();
    await setImmediate();
    expect([started, slots.taken]).toEqual([[0, 1, 2], 2]);
    for (const { resolve } of pending.values()) resolve(1);
    await first;
    await setImmediate();
    expect(slots.taken).toBe(0);
    await reader.return();
  });

  it('uses the place of the reader again when its part is there', async () => {
    const { fetch, started, pending } = controlled();
    const reader = readAhead(parts(10), fetch, { parallel: 4, slots: createSlots(1), signal });
    const first = reader.next();
    await setImmediate();
    expect(started).toEqual([0, 1]);
    for (const { resolve } of pending.values()) resolve(1);
    await first;
    await setImmediate();
    const second = reader.next();
    await second;
    expect(started).toEqual([0, 1, 2, 3]);
    await reader.return();
  });

  it('reads nothing when there is no place but that of the reader', async () => {
    const { fetch, started } = controlled();
    const slots = createSlots(1);
    const leave = slots.enterSpare();
    const window = { parallel: 4, slots, signal };
    expect(await collect(readAhead(parts(3), fetch, window))).toEqual([]);
    expect(started).toEqual([]);
    leave?.();
    expect(await collect(readAhead(parts(3), async (part) => part, window))).toEqual([0, 1, 2]);
  });

  it('ends early when the places are gone, and has given out all that it fetched', async () => {
    const slots = createSlots(1);
    const given: number[] = [];
    for await (const part of readAhead(parts(10), async (at) => at, { parallel: 4, slots, signal })) {
      given.push(part);
      if (given.length === 1) slots.enterSpare();
    }
    expect(given.length).toBeLessThan(10);
    expect(given).toEqual(parts(given.length));
  });

  it('cancels and awaits all that is under way when the loop is left', async () => {
    const { fetch, pending, cancelled } = controlled();
    const slots = createSlots(Infinity);
    const watched = countingSignal();
    const reader = readAhead(parts(10), fetch, { parallel: 4, slots, signal: watched.signal });
    const first = reader.next();
    await setImmediate();
    pending.get(0)?.resolve(0);
    await first;
    expect(watched.listeners).toBe(1);
    await reader.return();
    expect([cancelled, slots.taken, watched.listeners]).toEqual([[0, 1, 2, 3], 0, 0]);
  });

  it('fails with the first part in order that failed, and leaves nothing behind', async () => {
    const { fetch, pending } = controlled();
    const slots = createSlots(Infinity);
    const all = collect(readAhead(parts(10), fetch, { parallel: 4, slots, signal }));
    await setImmediate();
    pending.get(2)?.reject(new Error('third'));
    pending.get(1)?.reject(new Error('second'));
    await setImmediate();
    pending.get(0)?.resolve(0);
    await expect(all).rejects.toThrow('second');
    expect(slots.taken).toBe(0);
  });

  it('rejects with the reason of an abort', async () => {
    const { fetch } = controlled();
    const watched = countingSignal();
    const reader = readAhead(parts(10), fetch, { parallel: 4, slots: createSlots(9), signal: watched.signal });
    const first = reader.next();
    watched.abort('enough');
    await expect(first).rejects.toBe('enough');
    expect(watched.listeners).toBe(0);
  });
});
