// client-go's flowcontrol.Backoff with a fake clock.
import { type BackoffTracker, createBackoffTracker } from 'kubepull/backoff';
import { type Outcome, text, type VectorCase } from './check.ts';

/** One case is one tracker; its operations run in order. */
export function checkBackoff(vector: VectorCase): Outcome {
  let now = 0;
  const tracker = createBackoffTracker({
    clock: { monotonic: () => now },
    initialMs: vector['initialMs'] as number,
    maxMs: vector['maxMs'] as number,
  });
  const operations = vector['ops'] as readonly VectorCase[];
  const got = operations.map((operation) => {
    now = operation['t'] as number;
    return run(tracker, operation, (operation['eventT'] ?? now) as number);
  });
  return { want: operations.map(({ want }) => want), got };
}

function run(tracker: BackoffTracker, operation: VectorCase, at: number): number | boolean | undefined {
  const key = text(operation, 'key');
  switch (operation['op']) {
    case 'next':
      tracker.next(key, at);
      return tracker.get(key);
    case 'get':
      return tracker.get(key);
    case 'inBackOffSinceUpdate':
      return tracker.isInBackoffSinceUpdate(key, at);
    case 'inBackOffSince':
      return tracker.isInBackoffSince(key, at);
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
      throw new Error(`Unknown operation ${text(operation, 'op')}`);
  }
}
