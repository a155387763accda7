import { untilAbort } from '../../internal/index.js';

/** The same chunks, but whoever reads them gets the signal's reason at once, whatever the source waits for. */
export async function* endOnAbort(
  source: AsyncGenerator<Uint8Array, void, undefined>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await untilAbort(source.next(), signal);
      if (done === true) return;
      yield value;
    }
  } finally {
    const ended = source.return().catch(() => undefined);
    // A store that hangs may never answer; after an abort it is not waited for.
    if (signal?.aborted !== true) await ended;
  }
}
