import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';

/** Of a body that nobody wants, what is read so that its connection can be used again. */
const MAX_REST = 8 * 1024;
const MAX_WAIT_MS = 250;

/** The body of a response. */
export interface TransportBody {
  readonly content: AsyncIterable<Uint8Array>;
  discard(): Promise<void>;
}

/**
 * Wraps undici's body.
 *
 * @param translate - makes our error of undici's
 */
export function createTransportBody(
  body: Readable & { dump(options: { limit: number }): Promise<void> },
  translate: (error: unknown) => unknown,
): TransportBody {
  let started = false;
  body.on('error', () => undefined); // A discarded body may fail later; a reader gets the error from its loop.
  const read = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    started = true;
    try {
      yield* body as AsyncIterable<Uint8Array>;
      await setImmediate(); // Only then does undici know that the connection is free.
    } catch (error) {
      throw translate(error);
    }
  };
  return {
    content: { [Symbol.asyncIterator]: read },
    discard: async () => {
      if (started) body.destroy();
      else await drain(body);
    },
  };
}

/** Reads a short rest, which leaves the connection in order; a long or slow one costs more than a new connection. */
async function drain(body: Parameters<typeof createTransportBody>[0]): Promise<void> {
  const overdue = setTimeout(() => body.destroy(), MAX_WAIT_MS);
  await body.dump({ limit: MAX_REST }).catch(() => undefined);
  clearTimeout(overdue);
  await setImmediate();
}
