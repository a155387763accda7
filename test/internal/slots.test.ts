import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countFor } from '../support/figures.ts';
import { createSlots } from '../../src/internal/slots.ts';
import { countingSignal } from '../support/invariants.ts';
import { runsOf } from '../support/property-runs.ts';

describe('createSlots', () => {
  it('lets no more in than there are places, in order, whoever leaves the queue', async () => {
    const task = fc.record({ aborts: fc.boolean(), fails: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 1, max: 3 }),
        fc.array(task, { maxLength: 12 }),
        async (s, limit, tasks) => {
          const slots = createSlots(limit);
          const started: number[] = [];
          let most = 0;
          const all = tasks.map(async ({ aborts, fails }, at) => {
            const controller = new AbortController();
            if (aborts) void s.schedule(Promise.resolve()).then(() => controller.abort('enough'));
            return slots.run(async () => {
              started.push(at);
              most = Math.max(most, slots.taken);
              await s.schedule(Promise.resolve());
              if (fails) throw new Error('failed');
            }, controller.signal);
          });
          await s.waitFor(Promise.allSettled(all));
          expect(most).toBeLessThanOrEqual(limit);
          expect(started).toEqual(started.toSorted((a, b) => a - b));
          expect(tasks.every(({ aborts }, at) => aborts || started.includes(at))).toBe(true);
          expect([slots.taken, slots.waiting]).toEqual([0, 0]);
        },
      ),
      runsOf('turns'),
    );
    countFor('laws of what runs at the same time, in any order');
  });

  it("rejects who waits with the signal's reason, and leaves no listener behind", async () => {
    const slots = createSlots(1);
    let finish: () => void = () => undefined;
    const first = slots.run(() => new Promise<void>((resolve) => void (finish = resolve)), undefined);
    const watched = countingSignal();
    const second = slots.run(async () => undefined, watched.signal);
    expect([slots.taken, slots.waiting, watched.listeners]).toEqual([1, 1, 1]);
    watched.abort('enough');
    await expect(second).rejects.toBe('enough');
    expect([slots.taken, slots.waiting, watched.listeners]).toEqual([1, 0, 0]);
    finish();
    await first;
    await expect(slots.run(async () => 'in', watched.signal)).rejects.toBe('enough');
    expect(await slots.run(async () => 'in', undefined)).toBe('in');
  });

  it('gives out a spare place only when nobody waits, and hands it to who waits when it comes back', async () => {
    const slots = createSlots(2);
    const leave = slots.enterSpare();
    const other = slots.enterSpare();
    expect([slots.taken, slots.spare, slots.enterSpare()]).toEqual([2, false, undefined]);
    let ran = false;
    const waits = slots.run(async () => void (ran = true), undefined);
    expect([ran, slots.waiting]).toEqual([false, 1]);
    leave?.();
    expect([slots.spare, slots.enterSpare()]).toEqual([false, undefined]);
    await waits;
    other?.();
    expect([ran, slots.taken, slots.spare]).toEqual([true, 0, true]);
  });
});
