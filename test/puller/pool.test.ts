import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countFor } from '../support/figures.ts';
import { linkAbort } from '../../src/internal/link-abort.ts';
import { runPool } from '../../src/internal/pool.ts';
import { runsOf } from '../support/property-runs.ts';

describe('runPool', () => {
  it('runs every item once and never more than the limit at a time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(fc.nat()), fc.integer({ min: 1, max: 5 }), async (s, items, limit) => {
        const done: number[] = [];
        let [running, most] = [0, 0];
        const pool = runPool([...items.keys()], { limit }, async (item) => {
          running += 1;
          most = Math.max(most, running);
          await s.schedule(Promise.resolve());
          running -= 1;
          done.push(item);
        });
        await s.waitFor(pool);
        expect(done.toSorted((a, b) => a - b)).toEqual([...items.keys()]);
        expect(most).toBe(Math.min(limit, items.length));
      }),
      runsOf('turns'),
    );
    countFor('laws of what runs at the same time, in any order');
  });

  it('aborts and awaits the others when one fails, and throws the first failure', async () => {
    const settled: string[] = [];
    const failure = new Error('first');
    const pool = runPool(['slow', 'bad', 'never'], { limit: 2 }, async (item, signal) => {
      if (item === 'bad') throw failure;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      settled.push(item);
      throw new Error('second');
    });
    await expect(pool).rejects.toBe(failure);
    expect(settled).toEqual(['slow']);
  });

  it("rejects with the caller's reason, and leaves no listener behind", async () => {
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...args: Parameters<typeof add>) => void ((listeners += 1), add(...args));
    signal.removeEventListener = (...args: Parameters<typeof remove>) => void ((listeners -= 1), remove(...args));
    await runPool([1, 2, 3], { limit: 2, signal }, async () => undefined);
    expect(listeners).toBe(0);
    const reason = new Error('enough');
    const pool = runPool(
      [1],
      { limit: 1, signal },
      (_, inner) =>
        new Promise((_resolve, reject) => {
          inner.addEventListener('abort', () => reject(inner.reason as Error));
          controller.abort(reason);
        }),
    );
    await expect(pool).rejects.toBe(reason);
  });
});

describe('linkAbort', () => {
  it('passes an abort down with its reason, not up', () => {
    const outer = new AbortController();
    const first = linkAbort(outer.signal);
    const second = linkAbort(outer.signal);
    first.controller.abort('mine');
    expect([outer.signal.aborted, second.controller.signal.aborted]).toEqual([false, false]);
    outer.abort('outer');
    expect([first.controller.signal.reason, second.controller.signal.reason]).toEqual(['mine', 'outer']);
    expect(linkAbort(outer.signal).controller.signal.reason).toBe('outer');
  });

  it('hears nothing more once released', () => {
    const outer = new AbortController();
    const { controller, release } = linkAbort(outer.signal);
    release();
    outer.abort();
    expect(controller.signal.aborted).toBe(false);
  });
});
