/**
 * Coded, typed and redacted errors: every error of this library is an {@link ImageError}.
 *
 * @packageDocumentation
 */
export { ImageError, type ImageErrorCode } from './image-error.js';
export { InvalidReferenceError, type ReferenceErrorReason, type ReferenceFault } from './reference-error.js';
export { type ConfigFault, InvalidConfigError } from './config-error.js';
export {
  type RegistryDiagnostic,
  RegistryError,
  type RegistryFailure,
  RequestRefusedError,
  TransportError,
  type TransportPhase,
} from './registry-error.js';
export { ContentMismatchError, PlatformNotFoundError, StoreError } from './content-error.js';
export { CriError, type CriOperation } from './cri-error.js';
export {
  type AnyImageError,
  type BlobFailure,
  ImageRefusedError,
  isImageError,
  listBlobFailures,
  type PullAttempt,
  PullFailedError,
  type Result,
} from './any-error.js';
