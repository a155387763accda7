import type { Digest } from '../digest/index.js';
import type { Descriptor } from '../oci/index.js';
import { graceOf, sweepGarbage } from './garbage.js';
import type { CollectGarbageOptions, GarbageReport } from './managed-types.js';
import type { MemoryContents } from './memory-writer.js';
import { reachableContent } from './reachable.js';

/** Collects what no name leads to. Names that are given meanwhile are seen: what they need is not removed. */
export async function collectMemoryGarbage(
  store: MemoryContents,
  names: ReadonlyMap<string, Descriptor>,
  options: CollectGarbageOptions,
): Promise<GarbageReport> {
  options.signal?.throwIfAborted();
  const grace = graceOf(options);
  const contents = new Map([...store.blobs].map(([digest, { bytes }]) => [digest, bytes.length]));
  const roots = [...names.values()];
  const read = async (digest: Digest): Promise<Uint8Array | undefined> => store.blobs.get(digest)?.bytes;
  const reached = await reachableContent({ contents, read }, roots);
  const isYoung = (digest: Digest): boolean => store.now() - (store.blobs.get(digest)?.touched ?? 0) < grace;
  const remove = (digest: Digest): boolean => {
    const now = [...names.values()];
    const isUnchanged = now.length === roots.length && now.every((target, place) => target === roots[place]);
    return isUnchanged && removeBlob(store, digest);
  };
  return sweepGarbage({ contents, reached, isYoung, remove }, options);
}

function removeBlob(store: MemoryContents, digest: Digest): boolean {
  store.used -= store.blobs.get(digest)?.bytes.length ?? 0;
  return store.blobs.delete(digest);
}
