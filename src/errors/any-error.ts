import {
  type CredentialSource,
  type Descriptor,
  type Digest,
  quote,
  type RegistryEndpoint,
} from '../internal/index.js';
import type { InvalidConfigError } from './config-error.js';
import type { ContentMismatchError, PlatformNotFoundError, StoreError } from './content-error.js';
import type { CriError } from './cri-error.js';
import { hasImageErrorBrand, ImageError } from './image-error.js';
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

/**
 * A credential that was tried in vain, and where.
 *
 * @public
 */
export interface PullAttempt {
  /** The place among the credentials for this endpoint, from 1. */
  readonly rank: number;
  /** Where the credential came from; `anonymous` when there was none. */
  readonly source: CredentialSource;
  /** The registry or mirror that was asked. */
  readonly endpoint: RegistryEndpoint;
  /** Why the attempt failed. */
  readonly error: AnyImageError;
  /** The blobs that failed, when it got that far; those that were only cancelled because of them are not here. */
  readonly blobs: readonly BlobFailure[];
}

/**
 * A blob that could not be downloaded.
 *
 * @public
 */
export interface BlobFailure {
  /** The blob, as the manifest names it. */
  readonly descriptor: Descriptor;
  /** Why it could not be downloaded. */
  readonly error: AnyImageError;
}

/**
 * A pull that failed with every credential, in the order in which they were tried.
 *
 * @public
 */
export class PullFailedError extends ImageError<'ERR_PULL_FAILED'> {
  /** The image as the caller wrote it. */
  readonly image: string;
  /** Every attempt, in order; all of them failed. */
  readonly attempts: readonly PullAttempt[];

  constructor(message: string, image: string, attempts: readonly PullAttempt[]) {
    super('ERR_PULL_FAILED', message);
    this.image = image;
    this.attempts = attempts;
  }
}

/**
 * An image that whoever pulls it does not want: its rules refused it, and nothing was asked for, or its `verify` did, and nothing of
 * it but the manifest was asked for.
 *
 * @public
 */
export class ImageRefusedError extends ImageError<'ERR_IMAGE_REFUSED'> {
  /** The image as the caller wrote it. */
  readonly image: string;
  /** What `verify` refused: the digest of the index or manifest that the name led to. */
  readonly digest: Digest | undefined;
  /** Why, in the words of `verify`, or the rule that decided. */
  readonly reason: string;

  constructor(
    image: string,
    refusal: { readonly digest: Digest | undefined; readonly reason: string; readonly cause?: unknown },
    message = `Cannot pull ${quote(image)}: ${refusal.digest} was refused: ${refusal.reason}`,
  ) {
    super('ERR_IMAGE_REFUSED', message, { cause: refusal.cause });
    this.image = image;
    this.digest = refusal.digest;
    this.reason = refusal.reason;
  }
}

/** Which blobs failed before an error that ended a pull by itself. It hangs on the error's life, and changes no error. */
const failures = /* @__PURE__ */ new WeakMap<AnyImageError, readonly BlobFailure[]>();

/** Notes which blobs failed before an error that ends a pull. */
export function noteBlobFailures(error: AnyImageError, blobs: readonly BlobFailure[]): AnyImageError {
  if (blobs.length > 0) failures.set(error, [...blobs]);
  return error;
}

/**
 * Tells which blobs failed in a pull that ended with an error. Those that were only cancelled because of them are not among
 * them.
 *
 * @param error - what the pull was rejected with
 * @returns the blobs of every attempt, in order; none for an error of anything else
 * @example
 * ```ts
 * import { listBlobFailures } from 'kubepull/errors';
 *
 * const report = (error: unknown) => listBlobFailures(error).map(({ descriptor, error: why }) => `${descriptor.digest}: ${why.message}`);
 *
 * report(new Error('other')); // []
 * ```
 * @public
 */
export function listBlobFailures(error: unknown): readonly BlobFailure[] {
  if (!isImageError(error)) return [];
  if (error.code === 'ERR_PULL_FAILED') return error.attempts.flatMap(({ blobs }) => blobs);
  return failures.get(error) ?? [];
}
