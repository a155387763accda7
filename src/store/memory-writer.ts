import type { Digest } from '../digest/index.js';
import { StoreError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import type { ContentWriter } from './types.js';
import type { Verifier } from './verifier.js';

/** Content, and when somebody last wrote or found it. */
export interface MemoryBlob {
  readonly bytes: Uint8Array;
  touched: number;
}

/** What a memory store holds. `used` counts what open writers have reserved, too. */
export interface MemoryContents {
  readonly blobs: Map<Digest, MemoryBlob>;
  used: number;
  readonly maxBytes: number;
  /** Milliseconds that never go back. */
  now(): number;
}

/** A writer whose bytes have their place from the start, so that nothing is moved and nothing can run over the limit. */
export function createMemoryWriter(
  contents: MemoryContents,
  descriptor: Descriptor,
  startVerifier: () => Verifier,
  signal: AbortSignal | undefined,
): ContentWriter {
  const { digest, size } = descriptor;
  let verifier = startVerifier();
  let bytes: Uint8Array | undefined = reserve(contents, descriptor);
  let state: 'open' | 'spoilt' | 'closed' = 'open';

  const check = (): Uint8Array => {
    signal?.throwIfAborted();
    if (state === 'open' && bytes !== undefined) return bytes;
    throw new StoreError(`Cannot write content ${digest}: the writer is ${state}`, { operation: 'write' });
  };
  const verify = (step: () => void): void => {
    state = 'spoilt';
    step();
    state = 'open';
  };
  const close = (): void => {
    if (bytes !== undefined) contents.used -= size;
    bytes = undefined;
    state = 'closed';
  };
  return {
    get offset() {
      return state === 'spoilt' ? 0 : verifier.size;
    },
    write(chunk) {
      const into = check();
      const at = verifier.size;
      verify(() => verifier.update(chunk));
      into.set(chunk, at);
    },
    async restart() {
      if (state === 'closed') check();
      verifier = startVerifier();
      state = 'open';
    },
    async commit() {
      const whole = check();
      verify(() => verifier.end());
      // The same content may have come by another writer meanwhile; then this copy gives its place back.
      const present = contents.blobs.get(digest);
      if (present === undefined) {
        contents.blobs.set(digest, { bytes: whole, touched: contents.now() });
        bytes = undefined;
      } else present.touched = contents.now();
      close();
    },
    async abort() {
      close();
    },
  };
}

function reserve(contents: MemoryContents, { digest, size }: Descriptor): Uint8Array {
  const free = contents.maxBytes - contents.used;
  if (size > free) {
    const reason = `it has ${size} bytes, and the store has room for ${free} more`;
    throw new StoreError(`Cannot write content ${digest}: ${reason}`, { operation: 'ingest' });
  }
  const bytes = new Uint8Array(size);
  contents.used += size;
  return bytes;
}
