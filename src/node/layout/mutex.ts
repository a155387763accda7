/** Runs actions one at a time, in the order in which they came. One whose signal aborts leaves the queue. */
export type Mutex = <T>(signal: AbortSignal | undefined, action: () => Promise<T>) => Promise<T>;

export function createMutex(): Mutex {
  let last: Promise<void> = Promise.resolve();
  return async (signal, action) => {
    const before = last;
    let end: () => void = () => undefined;
    last = new Promise((resolve) => {
      end = resolve;
    });
    try {
      await untilAborted(before, signal);
    } catch (error) {
      void before.then(end);
      throw error;
    }
    try {
      return await action();
    } finally {
      end();
    }
  };
}

function untilAborted(turn: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return turn;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    void turn.then(resolve).finally(() => signal.removeEventListener('abort', onAbort));
    if (signal.aborted) onAbort();
  });
}
