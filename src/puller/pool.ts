import type { CallOptions } from '../clock/index.js';
import { linkAbort } from './abort.js';

/**
 * Runs `task` for every item, at most `limit` at once. When one fails the others are aborted and awaited, and its error
 * is thrown: nothing of the pool runs on after it has settled.
 */
export async function runPool<T>(
  items: readonly T[],
  limit: number,
  options: CallOptions,
  task: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { controller, release } = linkAbort(options.signal);
  const queue = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const work = async (): Promise<void> => {
    for (const item of queue) {
      if (controller.signal.aborted) return;
      try {
        await task(item, controller.signal);
      } catch (error) {
        failure ??= { error };
        controller.abort(error);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  } finally {
    release();
  }
  options.signal?.throwIfAborted();
  if (failure !== undefined) throw failure.error;
}
