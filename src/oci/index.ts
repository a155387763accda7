/**
 * The OCI image and distribution documents: types in their wire spelling, media types, and checked parsing.
 *
 * @packageDocumentation
 */
export { type Descriptor, type Platform } from '../internal/index.js';
export { type ImageIndex, type ImageManifest } from './types.js';
export {
  ACCEPTED_MANIFEST_TYPES,
  isImageConfigMediaType,
  isIndexMediaType,
  isManifestMediaType,
  type LayerKind,
  classifyLayer,
  MEDIA_TYPES,
  normalizeMediaType,
} from './media-types.js';
export { checkMediaTypes, type MediaTypeClaims } from './check-media-types.js';
export { DEFAULT_DOCUMENT_LIMITS, type DocumentLimits, type DocumentOptions } from './limits.js';
export { parseDescriptor } from './descriptor.js';
export {
  type ManifestOptions,
  parseImageIndex,
  parseImageManifest,
  parseManifest,
  type ParsedManifest,
} from './manifest.js';
export { decodeEmbeddedContent } from './embedded-content.js';
export { annotateIndex, type IndexEntryChange } from './annotate-index.js';
export { createIndex, type CreateIndexOptions } from './create-index.js';
export { encodeManifest } from './encode-manifest.js';
export { type ImageConfig, parseImageConfig } from './image-config.js';
