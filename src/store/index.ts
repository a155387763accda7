/**
 * Stores: the interfaces to implement, one in memory, and the verification that both need.
 *
 * @packageDocumentation
 */
export {
  type CollectGarbageOptions,
  type ContentFile,
  type ContentStore,
  type BroughtContent,
  type ContentWriter,
  type CopySource,
  type CopyTarget,
  DEFAULT_GARBAGE_GRACE_MS,
  type FilledContent,
  type GarbageReport,
  type ImageStore,
  type ManagedStore,
  type RemovedContent,
  type WriteOptions,
} from './types.js';
export {
  type GarbageSweep,
  listReachableContent,
  type ReachableSource,
  type ReachedContent,
  sweepGarbage,
} from './garbage.js';
export { isolateStore } from './isolate-store.js';
export { createVerifier, type Verifier, verifyContent } from './verifier.js';
export { readContent, type ReadContentOptions, writeContent } from './content.js';
export { checkClosure, checkStoreName, pickTarget } from './naming.js';
export { createMemoryStore, DEFAULT_MEMORY_STORE_BYTES, type MemoryStoreOptions } from './memory-store.js';
export { type CopyImagesOptions, type CopyJob, copyImages, DEFAULT_MAX_PARALLEL_COPIES } from './copy-images.js';
export {
  type CopiedContent,
  type CopiedImage,
  copyContent,
  type CopyContentOptions,
  type CopyEvent,
  copyImage,
  type CopyImageOptions,
} from './copy.js';
export { type SelectManifests } from './copy-select.js';
