import type { TransportRequest } from '../../distribution/index.js';

/** Bytes of a body in memory that are sent at once; progress shows between the pieces. */
const PIECE_BYTES = 64 * 1024;

/** A request's body on its way out. */
export interface Upload {
  readonly content: Uint8Array | AsyncIterable<Uint8Array>;
  /** What the request has to say of it. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the source of the body failed with. */
  readonly failure: { readonly error: unknown } | undefined;
  /** Nobody wants the rest. */
  stop(): void;
}

/**
 * Prepares a body for undici.
 *
 * @param onProgress - called for each piece, because an answer can only be due once the body is sent
 */
export function createUpload(body: TransportRequest['body'], onProgress: () => void): Upload | undefined {
  if (body === undefined) return undefined;
  if (!(body instanceof Uint8Array)) return streamed(body[Symbol.asyncIterator](), {}, onProgress);
  if (body.length <= PIECE_BYTES) return { content: body, headers: {}, failure: undefined, stop: () => undefined };
  return streamed(piecesOf(body), { 'content-length': String(body.length) }, onProgress);
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

function streamed(source: AsyncIterator<Uint8Array>, headers: Upload['headers'], onProgress: () => void): Upload {
  let failure: Upload['failure'];
  let stopped = false;
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    // A source that hangs may never answer; it is told to stop, and not waited for.
    void Promise.resolve(source.return?.()).catch(() => undefined);
  };
  const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
    // An end here would end the request in good order, with half a body.
    if (stopped) throw new Error('stopped');
    try {
      const { done = false, value } = await source.next();
      onProgress();
      return done ? { done, value: undefined } : { done, value };
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  return {
    content: {
      [Symbol.asyncIterator]: () => ({
        next,
        return: async () => {
          stop();
          return { done: true, value: undefined };
        },
      }),
    },
    headers,
    get failure() {
      return failure;
    },
    stop,
  };
}
