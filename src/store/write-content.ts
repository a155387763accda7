import type { CallOptions } from '../clock/index.js';
import type { Descriptor } from '../oci/index.js';
import { withAbort } from './with-abort.js';
import type { ContentStore } from './types.js';

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
 * import { digestOf } from 'kubepull/digest';
 * import { nodeHasher } from 'kubepull/node';
 * import { createMemoryStore, writeContent } from 'kubepull/store';
 *
 * const bytes = new TextEncoder().encode('hello');
 * const descriptor = { mediaType: 'text/plain', digest: digestOf(bytes, nodeHasher), size: bytes.length };
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
