import type { PullEvent } from './types.js';

/**
 * Events between a pull and its reader. The pull never waits: progress that the reader has not taken yet is replaced by
 * newer progress of the same blob, so a slow reader costs one event a blob.
 */
export interface EventQueue extends AsyncIterable<PullEvent> {
  push(event: PullEvent): void;
  /** No more events will come. */
  end(): void;
  /** No more events will come, and the reader gets this error after those that did. */
  fail(error: unknown): void;
}

export function createEventQueue(): EventQueue {
  let events: PullEvent[] = [];
  const progressAt = new Map<string, number>();
  let outcome: { readonly error: unknown } | 'ended' | undefined;
  let wake: (() => void) | undefined;

  const notify = (): void => {
    wake?.();
    wake = undefined;
  };
  const push = (event: PullEvent): void => {
    if (event.type === 'blob') {
      const { digest } = event.descriptor;
      const at = progressAt.get(digest);
      if (event.phase === 'progress' && at !== undefined) {
        events[at] = event;
        return;
      }
      if (event.phase === 'progress') progressAt.set(digest, events.length);
      else progressAt.delete(digest);
    }
    // What comes after a retry is told after it.
    if (event.type === 'retry' && event.descriptor !== undefined) progressAt.delete(event.descriptor.digest);
    events.push(event);
    notify();
  };
  const settle = (how: typeof outcome): void => {
    outcome ??= how;
    notify();
  };

  return {
    push,
    end: () => settle('ended'),
    fail: (error) => settle({ error }),
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const batch = events;
        events = [];
        progressAt.clear();
        yield* batch;
        if (events.length > 0) continue;
        if (outcome === 'ended') return;
        if (outcome !== undefined) throw outcome.error;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
