import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { checkContentCall, storeWith } from './kinds.js';
import type { CallOptions } from '../clock/index.js';
import { StoreError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import type { ContentStore } from './types.js';

/**
 * How {@link readContent} reads.
 *
 * @public
 */
export interface ReadContentOptions extends CallOptions {
  /** The largest content that is taken into memory. */
  readonly maxBytes: number;
}

/**
 * Reads whole content from a store into memory.
 *
 * @param store - where from
 * @param descriptor - the content
 * @param options - the limit, without default: it depends on what the content is
 * @returns the bytes; they are the caller's
 * @throws {@link StoreError} when the content is not there, is larger than the limit, or cannot be read
 * @example
 * ```ts
 * import type { Descriptor } from 'kubepull/oci';
 * import { type ContentStore, readContent } from 'kubepull/store';
 *
 * declare const store: ContentStore;
 * declare const config: Descriptor;
 * const bytes = await readContent(store, config, { maxBytes: 4 * 1024 * 1024 });
 * ```
 * @public
 */
export async function readContent(
  store: Pick<ContentStore, 'read'>,
  descriptor: Descriptor,
  options: ReadContentOptions,
): Promise<Uint8Array> {
  check('Cannot read content', { store, descriptor }, { store: storeWith('read'), descriptor: is.descriptor });
  check<ReadContentOptions>('Cannot read content', options, { maxBytes: is.wholeFrom(0), ...is.callOptions });
  const { size } = descriptor;
  const { maxBytes, ...call } = options;
  if (!(size <= maxBytes)) throw cannotRead(descriptor, `it has ${size} bytes, more than ${maxBytes}`);
  const bytes = new Uint8Array(size);
  let length = 0;
  for await (const chunk of store.read(descriptor, call)) {
    if (chunk.length > size - length) throw cannotRead(descriptor, `the store gave more than its ${size} bytes`);
    bytes.set(chunk, length);
    length += chunk.length;
  }
  if (length === size) return bytes;
  throw cannotRead(descriptor, `the store gave ${length} of its ${size} bytes`);
}

function cannotRead({ digest }: Descriptor, reason: string): StoreError {
  return new StoreError(`Cannot read content ${digest}: ${reason}`, { operation: 'read' });
}

/** Bytes of a buffer that are handed on at once, so that hashing a large one does not hold up everything else. */
const PIECE_BYTES = 1024 * 1024;

/**
 * Writes whole content into a store. Either all of it is there afterwards, verified, or nothing is.
 *
 * @param store - where to
 * @param descriptor - what the content has to be
 * @param content - the bytes from the first on
 * @param options - an abort signal; it also ends the wait for the next bytes
 * @throws {@link ContentMismatchError} when the content is not what the descriptor says
 * @throws {@link StoreError} when the store failed
 * @example
 * ```ts
 * import { computeDigest } from 'kubepull/digest';
 * import { nodeHasher } from 'kubepull/node';
 * import { createMemoryStore, writeContent } from 'kubepull/store';
 *
 * const bytes = new TextEncoder().encode('hello');
 * const descriptor = { mediaType: 'text/plain', digest: computeDigest(bytes, nodeHasher), size: bytes.length };
 * await writeContent(createMemoryStore({ createHasher: nodeHasher }), descriptor, bytes);
 * ```
 * @public
 */
export async function writeContent(
  store: ContentStore,
  descriptor: Descriptor,
  content: AsyncIterable<Uint8Array> | Uint8Array,
  options: CallOptions = {},
): Promise<void> {
  const source = is.either(is.bytes, is.asyncIterable);
  check('Cannot write content', { store, content }, { store: storeWith('ingest'), content: source });
  checkContentCall(descriptor, options);
  const { signal } = options;
  signal?.throwIfAborted();
  const writer = await store.ingest(descriptor, options);
  try {
    // The store may have kept a part; this content starts at its first byte.
    if (writer.offset > 0) await writer.restart();
    const chunks = content instanceof Uint8Array ? piecesOf(content) : withAbort(content, signal);
    for await (const chunk of chunks) {
      signal?.throwIfAborted();
      await writer.write(chunk);
    }
    signal?.throwIfAborted();
    await writer.commit();
  } finally {
    await writer.abort();
  }
}

function* piecesOf(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

/** Content whose reading ends with the signal's reason, also while the source keeps the reader waiting. */
export async function* withAbort<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  if (signal === undefined) {
    yield* source;
    return;
  }
  signal.throwIfAborted();
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
    const left = ended ? undefined : Promise.resolve(iterator.return?.()).catch(() => undefined);
    // A source that hangs may never answer; after an abort it is not waited for.
    if (!signal.aborted) await left;
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
