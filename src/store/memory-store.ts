import type { CallOptions, Clock } from '../clock/index.js';
import type { CreateHasher, Digest } from '../digest/index.js';
import { StoreError } from '../errors/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { Descriptor } from '../oci/index.js';
import { resolveGarbageGrace, listReachableContent, sweepGarbage } from './garbage.js';
import { checkContentCall, checkNameCall } from './kinds.js';
import { checkClosure, checkStoreName, pickTarget } from './naming.js';
import type { CollectGarbageOptions, ContentStore, ContentWriter, GarbageReport, ManagedStore } from './types.js';
import { createVerifier, type Verifier } from './verifier.js';

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
  check<MemoryStoreOptions>('Cannot make a memory store', options, {
    createHasher: is.hasher,
    maxBytes: is.optional(is.wholeFrom(0)),
    clock: is.optional(is.monotonicClock),
  });
  const { createHasher, maxBytes = DEFAULT_MEMORY_STORE_BYTES, clock } = options;
  const now = (): number => clock?.monotonic() ?? 0;
  const contents: MemoryContents = { blobs: new Map(), used: 0, maxBytes, now };
  const names = new Map<string, Descriptor>();
  const content = contentStore(contents);
  return {
    ...content,
    async ingest(descriptor, call = {}) {
      checkContentCall(descriptor, call);
      const { signal } = call;
      signal?.throwIfAborted();
      return createMemoryWriter(contents, descriptor, () => createVerifier(descriptor, createHasher), signal);
    },
    async resolve(name, call = {}) {
      checkNameCall(name, call);
      call.signal?.throwIfAborted();
      const target = names.get(name);
      return target === undefined ? undefined : pickTarget(target);
    },
    async tag(name, descriptor, call = {}) {
      checkNameCall(name, call);
      call.signal?.throwIfAborted();
      checkStoreName(name);
      const image = await checkClosure(content, descriptor, call);
      // Garbage may have been collected since its first part was looked at.
      const lost = image.find(({ digest, size }) => contents.blobs.get(digest)?.bytes.length !== size);
      if (lost !== undefined) throw cannotTag(descriptor, lost);
      names.set(name, pickTarget(descriptor));
    },
    async names(call = {}) {
      check<CallOptions>('Cannot list the names of a store', call, is.callOptions);
      call.signal?.throwIfAborted();
      return [...names.keys()];
    },
    async untag(name, call = {}) {
      checkNameCall(name, call);
      call.signal?.throwIfAborted();
      return names.delete(name);
    },
    collectGarbage: async (call = {}) => collectMemoryGarbage(contents, names, call),
  };
}

function cannotTag({ digest }: Descriptor, lost: Descriptor): StoreError {
  return new StoreError(`Cannot name ${digest}: ${lost.digest} was removed meanwhile`, { operation: 'tag' });
}

function contentStore({ blobs, now }: MemoryContents): Pick<ContentStore, 'has' | 'read'> {
  return {
    async has(descriptor, call = {}) {
      checkContentCall(descriptor, call);
      call.signal?.throwIfAborted();
      const { digest, size } = descriptor;
      const blob = blobs.get(digest);
      if (blob !== undefined) blob.touched = now();
      return blob?.bytes.length === size;
    },
    async *read(descriptor, call = {}) {
      checkContentCall(descriptor, call);
      const { signal } = call;
      signal?.throwIfAborted();
      const { digest, size } = descriptor;
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

/** Content, and when somebody last wrote or found it. */
interface MemoryBlob {
  readonly bytes: Uint8Array;
  touched: number;
}

/** What a memory store holds. `used` counts what open writers have reserved, too. */
interface MemoryContents {
  readonly blobs: Map<Digest, MemoryBlob>;
  used: number;
  readonly maxBytes: number;
  /** Milliseconds that never go back. */
  now(): number;
}

/** A writer whose bytes have their place from the start, so that nothing is moved and nothing can run over the limit. */
function createMemoryWriter(
  contents: MemoryContents,
  descriptor: Descriptor,
  startVerifier: () => Verifier,
  signal: AbortSignal | undefined,
): ContentWriter {
  const { digest, size } = descriptor;
  let verifier = startVerifier();
  let bytes: Uint8Array | undefined = reserve(contents, descriptor);
  let state: 'open' | 'spoilt' | 'closed' = 'open';

  const writable = (): Uint8Array => {
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
      const into = writable();
      const at = verifier.size;
      verify(() => verifier.update(chunk));
      into.set(chunk, at);
    },
    async restart() {
      if (state === 'closed') writable();
      verifier = startVerifier();
      state = 'open';
    },
    async commit() {
      const whole = writable();
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

/** Collects what no name leads to. Names that are given meanwhile are seen: what they need is not removed. */
async function collectMemoryGarbage(
  store: MemoryContents,
  names: ReadonlyMap<string, Descriptor>,
  options: CollectGarbageOptions,
): Promise<GarbageReport> {
  const grace = resolveGarbageGrace(options);
  options.signal?.throwIfAborted();
  const contents = new Map([...store.blobs].map(([digest, { bytes }]) => [digest, bytes.length]));
  const roots = [...names.values()];
  const read = async (digest: Digest): Promise<Uint8Array | undefined> => store.blobs.get(digest)?.bytes;
  const found = await listReachableContent({ contents, read }, roots);
  const isYoung = (digest: Digest): boolean => store.now() - (store.blobs.get(digest)?.touched ?? 0) < grace;
  const remove = (digest: Digest): boolean => {
    const now = [...names.values()];
    const isUnchanged = now.length === roots.length && now.every((target, place) => target === roots[place]);
    return isUnchanged && removeBlob(store, digest);
  };
  return sweepGarbage({ ...found, contents, isYoung, remove }, options);
}

function removeBlob(store: MemoryContents, digest: Digest): boolean {
  store.used -= store.blobs.get(digest)?.bytes.length ?? 0;
  return store.blobs.delete(digest);
}
