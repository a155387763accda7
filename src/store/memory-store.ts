import type { CreateHasher, Digest } from '../digest/index.js';
import { ImageError, StoreError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import { checkClosure } from './check-closure.js';
import { createMemoryWriter, type MemoryContents } from './memory-writer.js';
import { checkStoreName, nameTarget } from './store-name.js';
import type { ContentStore, ImageStore } from './types.js';
import { createVerifier } from './verifier.js';

/**
 * What a memory store holds when the caller does not say: 512 MiB.
 *
 * @public
 */
export const DEFAULT_MEMORY_STORE_BYTES: number = 512 * 1024 * 1024;

/** Bytes that are copied for a reader at once. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Options of {@link createMemoryStore}.
 *
 * @public
 */
export interface MemoryStoreOptions {
  /** Where hashes come from, such as `nodeHasher` of `kubepull/node`. */
  readonly createHasher: CreateHasher;
  /**
   * Bytes that the store holds at most, those of open writers included.
   *
   * @defaultValue {@link DEFAULT_MEMORY_STORE_BYTES}
   */
  readonly maxBytes?: number | undefined;
}

/**
 * Makes a store in memory: for tests, for small images, and for programs that only look at an image.
 *
 * Bytes are copied in and out, so nobody can change what is stored. A writer takes the whole size of its content from the
 * limit when it is opened, and gives it back when it is given up.
 *
 * @param options - the hash functions, and the limit
 * @returns an empty store; its calls fail with `StoreError` when it is full
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when `maxBytes` is not a whole number from 0
 * @example
 * ```ts
 * import { nodeHasher } from 'kubepull/node';
 * import { createMemoryStore } from 'kubepull/store';
 *
 * const store = createMemoryStore({ createHasher: nodeHasher, maxBytes: 64 * 1024 * 1024 });
 * await store.resolve('registry.example.com/app:1'); // undefined
 * ```
 * @public
 */
export function createMemoryStore(options: MemoryStoreOptions): ImageStore {
  const { createHasher, maxBytes = DEFAULT_MEMORY_STORE_BYTES } = options;
  checkLimit(maxBytes);
  const contents: MemoryContents = { blobs: new Map(), used: 0, maxBytes };
  const names = new Map<string, Descriptor>();
  const content = contentStore(contents.blobs);
  return {
    ...content,
    async ingest(descriptor, { signal } = {}) {
      signal?.throwIfAborted();
      return createMemoryWriter(contents, descriptor, () => createVerifier(descriptor, createHasher), signal);
    },
    async resolve(name, { signal } = {}) {
      signal?.throwIfAborted();
      const target = names.get(name);
      return target === undefined ? undefined : nameTarget(target);
    },
    async tag(name, descriptor, call = {}) {
      call.signal?.throwIfAborted();
      checkStoreName(name);
      await checkClosure(content, descriptor, call);
      names.set(name, nameTarget(descriptor));
    },
  };
}

function checkLimit(maxBytes: number): void {
  if (Number.isSafeInteger(maxBytes) && maxBytes >= 0) return;
  throw new ImageError(
    'ERR_OPTION_INVALID',
    `Cannot make a store with maxBytes ${maxBytes}: it must be a whole number from 0`,
  );
}

function contentStore(blobs: ReadonlyMap<Digest, Uint8Array>): Pick<ContentStore, 'has' | 'read'> {
  return {
    async has({ digest, size }, { signal } = {}) {
      signal?.throwIfAborted();
      return blobs.get(digest)?.length === size;
    },
    async *read({ digest, size }, { signal } = {}) {
      signal?.throwIfAborted();
      const blob = blobs.get(digest);
      if (blob?.length !== size) {
        const reason = `it is not in the store with ${size} bytes`;
        throw new StoreError(`Cannot read content ${digest}: ${reason}`, { operation: 'read' });
      }
      for (let at = 0; at < size; at += CHUNK_BYTES) {
        signal?.throwIfAborted();
        yield blob.slice(at, at + CHUNK_BYTES);
      }
    },
  };
}
