import type { Clock } from '../clock/index.js';
import type { CreateHasher } from '../digest/index.js';
import { ImageError, StoreError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import { checkClosure } from './check-closure.js';
import { collectMemoryGarbage } from './memory-garbage.js';
import { createMemoryWriter, type MemoryContents } from './memory-writer.js';
import { checkStoreName, nameTarget } from './store-name.js';
import type { ManagedStore } from './managed-types.js';
import type { ContentStore } from './types.js';
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
  /**
   * What tells how old content is, for the collection of garbage.
   *
   * @defaultValue none: content stays young then, and is collected with `graceMs: 0` only
   */
  readonly clock?: Pick<Clock, 'monotonic'> | undefined;
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
export function createMemoryStore(options: MemoryStoreOptions): ManagedStore {
  const { createHasher, maxBytes = DEFAULT_MEMORY_STORE_BYTES, clock } = options;
  checkLimit(maxBytes);
  const now = (): number => clock?.monotonic() ?? 0;
  const contents: MemoryContents = { blobs: new Map(), used: 0, maxBytes, now };
  const names = new Map<string, Descriptor>();
  const content = contentStore(contents);
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
      const image = await checkClosure(content, descriptor, call);
      // Garbage may have been collected since its first part was looked at.
      const lost = image.find(({ digest, size }) => contents.blobs.get(digest)?.bytes.length !== size);
      if (lost !== undefined) throw cannotTag(descriptor, lost);
      names.set(name, nameTarget(descriptor));
    },
    async names({ signal } = {}) {
      signal?.throwIfAborted();
      return [...names.keys()];
    },
    async untag(name, { signal } = {}) {
      signal?.throwIfAborted();
      return names.delete(name);
    },
    collectGarbage: async (call = {}) => collectMemoryGarbage(contents, names, call),
  };
}

function checkLimit(maxBytes: number): void {
  if (Number.isSafeInteger(maxBytes) && maxBytes >= 0) return;
  throw new ImageError(
    'ERR_OPTION_INVALID',
    `Cannot make a store with maxBytes ${maxBytes}: it must be a whole number from 0`,
  );
}

function cannotTag({ digest }: Descriptor, lost: Descriptor): StoreError {
  return new StoreError(`Cannot name ${digest}: ${lost.digest} was removed meanwhile`, { operation: 'tag' });
}

function contentStore({ blobs, now }: MemoryContents): Pick<ContentStore, 'has' | 'read'> {
  return {
    async has({ digest, size }, { signal } = {}) {
      signal?.throwIfAborted();
      const blob = blobs.get(digest);
      if (blob !== undefined) blob.touched = now();
      return blob?.bytes.length === size;
    },
    async *read({ digest, size }, { signal } = {}) {
      signal?.throwIfAborted();
      const blob = blobs.get(digest)?.bytes;
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
