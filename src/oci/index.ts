/**
 * The OCI image and distribution documents: types in their wire spelling, media types, and checked parsing.
 *
 * @packageDocumentation
 */
export { type Descriptor, type ImageIndex, type ImageManifest, type Platform } from './types.js';
