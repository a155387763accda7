import { describe, expect, it } from 'vitest';
import { type BackoffTracker, createBackoffTracker } from 'kubepull/backoff';
import vectors from '../vectors/backoff.json' with { type: 'json' };

interface Operation {
  readonly t: number;
  readonly op: string;
  readonly key?: string;
  readonly eventT?: number;
  readonly want?: number | boolean;
}

function run(tracker: BackoffTracker, { op, key = '', t, eventT = t }: Operation): number | boolean | undefined {
  switch (op) {
    case 'next':
      return tracker.next(key, eventT).delayMs;
    case 'get':
      return tracker.get(key);
    case 'inBackOffSinceUpdate':
      return tracker.isInBackoffSinceUpdate(key, eventT);
    case 'inBackOffSince':
      return tracker.isInBackoffSince(key, eventT);
    case 'gc':
      tracker.gc();
      return undefined;
    case 'reset':
      tracker.reset(key);
      return undefined;
    case 'deleteEntry':
      tracker.delete(key);
      return undefined;
    default:
      throw new Error(`unknown operation ${op}`);
  }
}

describe('createBackoffTracker and its vectors', () => {
  it('does what client-go’s flowcontrol.Backoff does', () => {
    for (const { initialMs, maxMs, ops } of vectors.cases) {
      let now = 0;
      const tracker = createBackoffTracker({ clock: { monotonic: () => now }, initialMs, maxMs });
      for (const op of ops as readonly Operation[]) {
        now = op.t;
        expect(run(tracker, op), JSON.stringify(op)).toBe(op.want);
        if (op.op === 'next') expect(tracker.get(op.key ?? '')).toBe(op.want);
      }
    }
    expect(vectors.cases.length).toBeGreaterThan(100);
  });
});
