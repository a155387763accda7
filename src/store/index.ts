/**
 * Stores: the interfaces to implement, one in memory, and the verification that both need.
 *
 * @packageDocumentation
 */
export { type ContentStore, type ContentWriter, type ImageStore } from './types.js';
