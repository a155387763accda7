import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDigest } from 'kubepull/digest';
import { ImageError } from 'kubepull/errors';
import { createEventQueue } from '../../src/puller/pull.ts';
import type { PullStep } from '../../src/puller/events.ts';
import { runsOf } from '../support/property-runs.ts';

const blob = (name: string, phase: 'started' | 'progress' | 'verified', bytes: number): PullStep => ({
  type: 'blob',
  descriptor: { mediaType: 'x', digest: parseDigest(`sha256:${name.repeat(64)}`), size: 10 },
  phase,
  bytes,
});

const summary = (event: PullStep): string =>
  event.type === 'blob' ? `${event.descriptor.digest.at(-1)} ${event.phase} ${event.bytes}` : event.type;

async function drain(queue: AsyncIterable<PullStep>): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of queue) seen.push(summary(event));
  return seen;
}

describe('createEventQueue', () => {
  it('keeps only the newest progress of each blob while nobody reads', async () => {
    const queue = createEventQueue();
    queue.push(blob('a', 'started', 0));
    for (let bytes = 1; bytes <= 5; bytes += 1) {
      queue.push(blob('a', 'progress', bytes));
      queue.push(blob('b', 'progress', bytes));
    }
    queue.push(blob('a', 'verified', 10));
    queue.push(blob('a', 'progress', 1));
    queue.end();
    expect(await drain(queue)).toEqual([
      'a started 0',
      'a progress 5',
      'b progress 5',
      'a verified 10',
      'a progress 1',
    ]);
  });

  it('tells what comes after a retry after it', async () => {
    const queue = createEventQueue();
    const { descriptor } = blob('a', 'progress', 0) as Extract<PullStep, { type: 'blob' }>;
    const error = new ImageError('ERR_OPTION_INVALID', 'Cannot read "a": cut');
    queue.push(blob('a', 'progress', 1));
    queue.push({ type: 'retry', descriptor, error, delayMs: 1, offset: 1 });
    queue.push(blob('a', 'progress', 2));
    queue.push(blob('a', 'progress', 3));
    queue.end();
    expect(await drain(queue)).toEqual(['a progress 1', 'retry', 'a progress 3']);
  });

  it('wakes a reader that waits', async () => {
    const queue = createEventQueue();
    const reading = drain(queue);
    await Promise.resolve();
    queue.push(blob('a', 'started', 0));
    await Promise.resolve();
    queue.push(blob('a', 'verified', 10));
    queue.end();
    expect(await reading).toEqual(['a started 0', 'a verified 10']);
  });

  it('gives what came before a failure, then the failure', async () => {
    const queue = createEventQueue();
    const failure = new Error('cut');
    queue.push(blob('a', 'started', 0));
    queue.fail(failure);
    const seen: string[] = [];
    const read = async (): Promise<void> => {
      for await (const event of queue) seen.push(summary(event));
    };
    await expect(read()).rejects.toBe(failure);
    expect(seen).toEqual(['a started 0']);
  });

  it('loses no event but progress, and keeps the order, whenever the reader comes', async () => {
    const step = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      phase: fc.constantFrom('started' as const, 'progress' as const, 'verified' as const),
      yieldBefore: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const queue = createEventQueue();
        const reading = drain(queue);
        const pushed: string[] = [];
        for (const [bytes, { name, phase, yieldBefore }] of steps.entries()) {
          if (yieldBefore) await Promise.resolve();
          const event = blob(name, phase, bytes);
          queue.push(event);
          pushed.push(summary(event));
        }
        queue.end();
        const seen = await reading;
        const lasting = (rows: readonly string[]): string[] => rows.filter((row) => !row.includes('progress'));
        expect(lasting(seen)).toEqual(lasting(pushed));
        for (const name of ['a', 'b', 'c']) {
          const last = pushed.findLast((row) => row.startsWith(name));
          expect(seen.findLast((row) => row.startsWith(name))).toBe(last);
        }
      }),
      runsOf('turns'),
    );
  });
});
