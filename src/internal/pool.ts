import { linkAbort } from './link-abort.js';

/** How a pool runs. */
export interface PoolOptions<T> {
  readonly signal?: AbortSignal | undefined;
  /** Tasks at once. */
  readonly limit: number;
  /** Hears of each failure; those that were only cancelled because of another are none. */
  readonly onFailure?: ((item: T, error: unknown) => void) | undefined;
}

/**
 * Runs `task` for every item, at most `limit` at once. When one fails the others are aborted and awaited, and its error
 * is thrown: nothing of the pool runs on after it has settled.
 */
export async function runPool<T>(
  items: readonly T[],
  { limit, signal, onFailure }: PoolOptions<T>,
  task: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { controller, release } = linkAbort(signal);
  const queue = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const fail = (item: T, error: unknown): void => {
    if (signal?.aborted || error === failure?.error) return;
    failure ??= { error };
    onFailure?.(item, error);
    controller.abort(error);
  };
  const work = async (): Promise<void> => {
    for (const item of queue) {
      if (controller.signal.aborted) return;
      try {
        await task(item, controller.signal);
      } catch (error) {
        fail(item, error);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  } finally {
    release();
  }
  signal?.throwIfAborted();
  if (failure !== undefined) throw failure.error;
}
