/** Content whose reading ends with the signal's reason, also while the source keeps the reader waiting. */
export function withAbort<T>(source: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncIterable<T> {
  return signal === undefined ? source : iterateUntil(source, signal);
}

async function* iterateUntil<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  const aborted = listen(signal);
  let ended = false;
  try {
    for (;;) {
      const result = await aborted.race(iterator.next());
      ended = result.done === true;
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    aborted.release();
    // A source that hangs may never answer; it is told to stop, and not waited for.
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

/** One listener for the whole iteration; the promise raced against is new each time, so nothing piles up on it. */
function listen(signal: AbortSignal): { race<T>(step: Promise<T>): Promise<T>; release(): void } {
  let interrupt: (reason: unknown) => void = () => undefined;
  const onAbort = (): void => interrupt(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    race: (step) =>
      new Promise((resolve, reject) => {
        interrupt = reject;
        step.then(resolve, reject);
        if (signal.aborted) onAbort();
      }),
    release: () => signal.removeEventListener('abort', onAbort),
  };
}
