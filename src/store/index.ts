/**
 * Stores: the interfaces to implement, one in memory, and the verification that both need.
 *
 * @packageDocumentation
 */
export { type ContentStore, type ContentWriter, type ImageStore } from './types.js';
export { createVerifier, type Verifier } from './verifier.js';
export { verifyContent } from './verify-content.js';
export { writeContent } from './write-content.js';
export { readContent, type ReadContentOptions } from './read-content.js';
export { checkClosure } from './check-closure.js';
export { checkStoreName, nameTarget } from './store-name.js';
export { createMemoryStore, DEFAULT_MEMORY_STORE_BYTES, type MemoryStoreOptions } from './memory-store.js';
