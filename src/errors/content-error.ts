import type { Descriptor, Digest, Platform } from '../internal/index.js';
import { ImageError } from './image-error.js';

/**
 * Content whose digest or size is not what its descriptor says.
 *
 * @public
 */
export class ContentMismatchError extends ImageError<'ERR_CONTENT_MISMATCH'> {
  /** The descriptor, whose digest and size the content should have had. */
  readonly expected: Descriptor;
  /** What came. The digest is `undefined` when the bytes were cut off before their end, because they were too many. */
  readonly actual: { readonly digest: Digest | undefined; readonly size: number };

  constructor(
    message: string,
    mismatch: {
      readonly expected: Descriptor;
      readonly actual: { readonly digest: Digest | undefined; readonly size: number };
    },
  ) {
    super('ERR_CONTENT_MISMATCH', message);
    this.expected = mismatch.expected;
    this.actual = mismatch.actual;
  }
}

/**
 * An image index without an entry for the wanted platform.
 *
 * @public
 */
export class PlatformNotFoundError extends ImageError<'ERR_PLATFORM_NOT_FOUND'> {
  /** The platform that was asked for, which no entry of the index fits. */
  readonly wanted: Platform;
  /** What the index offers, at most 50. */
  readonly available: readonly Platform[];

  constructor(message: string, wanted: Platform, available: readonly Platform[]) {
    super('ERR_PLATFORM_NOT_FOUND', message);
    this.wanted = wanted;
    this.available = available;
  }
}

/** What passes by itself: too much that is open or in use, and calls that were broken off. */
const PASSING: ReadonlySet<string | undefined> = /* @__PURE__ */ new Set([
  'EAGAIN',
  'EBUSY',
  'EINTR',
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'ETIMEDOUT',
]);

/**
 * A store that could not read, write or commit content.
 *
 * @public
 */
export class StoreError extends ImageError<'ERR_STORE'> {
  /** What the store was doing, such as `write` or `rename`. */
  readonly operation: string;
  /** The system's error code, such as `ENOSPC`, when there is one. */
  readonly errno: string | undefined;
  /**
   * Whether the same call may succeed later by itself, as with too many open files (`EMFILE`). A disk that is full or
   * read-only, or a missing permission, waits for somebody to act.
   */
  readonly retryable: boolean;

  /**
   * @param failure - its `retryable` follows from `errno` when it is not given
   */
  constructor(
    message: string,
    failure: {
      readonly operation: string;
      readonly errno?: string | undefined;
      readonly retryable?: boolean;
      readonly cause?: unknown;
    },
  ) {
    super('ERR_STORE', message, { cause: failure.cause });
    this.operation = failure.operation;
    this.errno = failure.errno;
    this.retryable = failure.retryable ?? PASSING.has(failure.errno);
  }
}
