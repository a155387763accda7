import { check } from '../errors/inner.js';
import type { Digest } from '../digest/index.js';
import { StoreError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import { checkContentCall, checkNameCall, storeWith } from './kinds.js';
import { checkClosure, checkStoreName } from './naming.js';
import type { ContentWriter, ImageStore } from './types.js';

/**
 * A view of a store for one of several tenants that share it. It has only the content that was written through it.
 *
 * A store shows whatever is in it to everybody who knows the digest: a tenant could name the digest of a private layer of
 * another, and get it without ever having shown a credential for it. In a view, content is there once it was fetched through
 * that view, so whoever has it could get it from the registry himself. The bytes are in the store once all the same.
 *
 * Names are shared, but resolve only to what the view has. What a view has is known to that view alone and lasts as long as
 * it does; the next one starts with nothing, fetches again, and writes over equal content.
 *
 * @param store - the store that is shared
 * @returns a store that starts as if it were empty
 * @example
 * ```ts
 * import { nodeHasher } from 'kubepull/node';
 * import { createMemoryStore, isolateStore } from 'kubepull/store';
 *
 * const shared = createMemoryStore({ createHasher: nodeHasher });
 * const tenants = [isolateStore(shared), isolateStore(shared)];
 * ```
 * @see https://github.com/containerd/containerd/blob/v2.1.4/docs/ops.md
 * @public
 */
export function isolateStore(store: ImageStore): ImageStore {
  check('Cannot isolate a store', { store }, { store: storeWith('has', 'read', 'ingest', 'resolve', 'tag') });
  const own = new Set<Digest>();
  const content: Pick<ImageStore, 'has' | 'read'> = {
    has: async (descriptor, options = {}) => {
      checkContentCall(descriptor, options);
      // The store is asked in any case, so that neither its failures nor the time it takes tell one from the other.
      const isThere = await store.has(descriptor, options);
      return isThere && own.has(descriptor.digest);
    },
    async *read(descriptor, options = {}) {
      checkContentCall(descriptor, options);
      if (!own.has(descriptor.digest)) throw notOwn(descriptor);
      yield* store.read(descriptor, options);
    },
  };
  return {
    ...content,
    async ingest(descriptor, options = {}) {
      checkContentCall(descriptor, options);
      const writer = await store.ingest(descriptor, options);
      // Another tenant may have fetched what was kept.
      if (writer.offset > 0) await writer.restart();
      return withProof(writer, () => own.add(descriptor.digest));
    },
    async resolve(name, options = {}) {
      checkNameCall(name, options);
      const target = await store.resolve(name, options);
      return target !== undefined && own.has(target.digest) ? target : undefined;
    },
    async tag(name, descriptor, options = {}) {
      checkNameCall(name, options);
      checkStoreName(name);
      await checkClosure(content, descriptor, options);
      await store.tag(name, descriptor, options);
    },
  };
}

function withProof(writer: ContentWriter, prove: () => void): ContentWriter {
  return {
    get offset() {
      return writer.offset;
    },
    write: (chunk, options) => writer.write(chunk, options),
    ...(writer.fill === undefined ? {} : { fill: writer.fill.bind(writer) }),
    restart: () => writer.restart(),
    abort: () => writer.abort(),
    async commit() {
      await writer.commit();
      prove();
    },
  };
}

function notOwn({ digest }: Descriptor): StoreError {
  return new StoreError(`Cannot read content ${digest}: it was not fetched through this store`, { operation: 'read' });
}
