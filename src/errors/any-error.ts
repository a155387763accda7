import type { CriError } from './cri-error.js';
import type { InvalidConfigError } from './config-error.js';
import type { ContentMismatchError, PlatformNotFoundError, StoreError } from './content-error.js';
import { hasImageErrorBrand, type ImageError } from './image-error.js';
import type { ImageRefusedError, PullFailedError } from './pull-error.js';
import type { InvalidReferenceError } from './reference-error.js';
import type { RegistryError, RequestRefusedError, TransportError } from './registry-error.js';

/**
 * Every error of this library; `switch (error.code)` narrows it to the class that has the data.
 *
 * @public
 */
export type AnyImageError =
  | InvalidReferenceError
  | InvalidConfigError
  | RegistryError
  | TransportError
  | RequestRefusedError
  | ContentMismatchError
  | PlatformNotFoundError
  | StoreError
  | ImageRefusedError
  | PullFailedError
  | ImageError<'ERR_DIGEST_INVALID'>
  | ImageError<'ERR_PLATFORM_INVALID'>
  | ImageError<'ERR_OPTION_INVALID'>
  | ImageError<'ERR_CREDENTIAL_PROVIDER'>
  | ImageError<'ERR_REGISTRY_DOCUMENT'>
  | CriError;

/**
 * A value or an error: what the `safe…` functions return.
 *
 * @public
 */
export type Result<T, E = AnyImageError> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

/**
 * Tells whether a value is an error of this library.
 *
 * It looks for a registered symbol, so two copies of the package in one program agree.
 *
 * @param value - anything, such as what a `catch` clause got
 * @returns whether it is one of ours; the type is then narrowed to {@link AnyImageError}
 * @example
 * ```ts
 * import { isImageError } from 'kubepull';
 *
 * isImageError(new Error('other')); // false
 * ```
 * @public
 */
export function isImageError(value: unknown): value is AnyImageError {
  return hasImageErrorBrand(value);
}
