/**
 * Stores: the interfaces to implement, one in memory, and the verification that both need.
 *
 * @packageDocumentation
 */
export { type ContentStore, type ContentWriter, type ImageStore, type WriteOptions } from './types.js';
export {
  type CollectGarbageOptions,
  DEFAULT_GARBAGE_GRACE_MS,
  type GarbageReport,
  type ManagedStore,
  type RemovedContent,
} from './managed-types.js';
export { reachableContent, type ReachableSource } from './reachable.js';
export { graceOf, type Sorting, sweepGarbage } from './garbage.js';
export { isolateStore } from './isolate-store.js';
export { createVerifier, type Verifier } from './verifier.js';
export { verifyContent } from './verify-content.js';
export { writeContent } from './write-content.js';
export { readContent, type ReadContentOptions } from './read-content.js';
export { checkClosure } from './check-closure.js';
export { checkStoreName, nameTarget } from './store-name.js';
export { createMemoryStore, DEFAULT_MEMORY_STORE_BYTES, type MemoryStoreOptions } from './memory-store.js';
export { copyContent } from './copy-content.js';
export { copyImage } from './copy-image.js';
export {
  type CopiedContent,
  type CopiedImage,
  type CopyContentOptions,
  type CopyEvent,
  type CopyImageOptions,
  type SelectManifests,
} from './copy-types.js';
