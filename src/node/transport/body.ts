import type { TransportRequest } from '../../distribution/index.js';

/** Bytes that may wait for the reader; past them the sender is held up. */
const MAX_WAITING = 256 * 1024;
/** Where a sender that was held up goes on. */
const LOW_WATER = 64 * 1024;
/** What a chunk costs besides its bytes: a server that sends byte by byte must not fill memory with chunks. */
const CHUNK_COST = 256;
/** Of a body that nobody wants, what is read so that its connection can be used again. */
const MAX_REST = 8 * 1024;
const MAX_REST_MS = 250;

/** The body of a response, for its reader. */
interface TransportBody {
  readonly content: AsyncIterable<Uint8Array>;
  discard(): Promise<void>;
}

/** The body of a response, for the connection that brings it. */
export interface IncomingBody extends TransportBody {
  push(chunk: Uint8Array): void;
  /** The last bytes have come, and the connection is free again. */
  end(): void;
  fail(error: unknown): void;
}

/** What a body asks of its connection. */
interface BodyConnection {
  pause(): void;
  resume(): void;
  /** Gives the connection up. */
  abort(): void;
}

/**
 * Hands chunks from a connection to a reader as they are, with no stream in between: that would cost as much time as the
 * hash of the content does.
 *
 * @param translate - makes our error of whatever ended the body early
 */
export function createIncomingBody(connection: BodyConnection, translate: (error: unknown) => unknown): IncomingBody {
  const chunks: Uint8Array[] = [];
  let cost = 0;
  let rest = 0;
  let paused = false;
  let reader: 'none' | 'reads' | 'discards' = 'none';
  let outcome: 'ended' | { readonly error: unknown } | undefined;
  let draining: Promise<void> | undefined;
  let wake: () => void = () => undefined;
  let release: () => void = () => undefined;
  const settled = new Promise<void>((resolve) => void (release = resolve));

  const woken = (): Promise<void> => new Promise((resolve) => void (wake = resolve));
  const settle = (value: typeof outcome): void => {
    outcome ??= value;
    wake();
    release();
  };
  const giveUp = (): void => {
    chunks.length = 0;
    if (outcome !== undefined) return;
    settle({ error: new Error('discarded') });
    connection.abort();
  };
  const letFlow = (): void => {
    if (!paused || cost > LOW_WATER) return;
    paused = false;
    connection.resume();
  };

  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    reader = 'reads';
    try {
      for (;;) {
        for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
          yield chunk;
          // Only now: what the reader works on is in memory, too.
          cost -= chunk.length + CHUNK_COST;
          letFlow();
        }
        if (outcome === 'ended') return;
        if (outcome !== undefined) throw translate(outcome.error);
        await woken();
      }
    } finally {
      giveUp();
    }
  }
  /** Reads a short rest, which leaves the connection in order; a long or slow one costs more than a new connection. */
  const drain = async (): Promise<void> => {
    reader = 'discards';
    for (const chunk of chunks.splice(0)) push(chunk);
    cost = 0;
    letFlow();
    const overdue = setTimeout(giveUp, MAX_REST_MS);
    await settled;
    clearTimeout(overdue);
  };
  const push = (chunk: Uint8Array): void => {
    if (outcome !== undefined) return;
    if (reader === 'discards') {
      rest += chunk.length;
      if (rest > MAX_REST) giveUp();
      return;
    }
    chunks.push(chunk);
    cost += chunk.length + CHUNK_COST;
    if (cost > MAX_WAITING && !paused) {
      paused = true;
      connection.pause();
    }
    wake();
  };
  return {
    content: { [Symbol.asyncIterator]: read },
    async discard() {
      if (reader === 'reads' || outcome !== undefined) giveUp();
      else await (draining ??= drain());
    },
    push,
    end: () => settle('ended'),
    fail: (error) => settle({ error }),
  };
}

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
