import type { CallOptions } from '../clock/index.js';
import type { Descriptor } from '../oci/index.js';
import type { ImageStore } from './types.js';

/**
 * How long content is spared that nothing names, when the caller does not say: an hour. A pull names its image last, so
 * what it has brought by then looks like garbage.
 *
 * @public
 */
export const DEFAULT_GARBAGE_GRACE_MS: number = 60 * 60 * 1000;

/**
 * How garbage is collected.
 *
 * @public
 */
export interface CollectGarbageOptions extends CallOptions {
  /**
   * Content that nothing names is spared for so long after it was written, or found by `has`, in milliseconds. It must be
   * longer than any pull. 0 is for when nobody else writes.
   *
   * @defaultValue {@link DEFAULT_GARBAGE_GRACE_MS}
   */
  readonly graceMs?: number | undefined;
  /**
   * Reports what would be removed, and removes nothing.
   *
   * @defaultValue `false`
   */
  readonly dryRun?: boolean | undefined;
}

/**
 * Content that was removed.
 *
 * @public
 */
export interface RemovedContent {
  readonly digest: Descriptor['digest'];
  readonly size: number;
}

/**
 * What a collection of garbage did.
 *
 * @public
 */
export interface GarbageReport {
  readonly removed: readonly RemovedContent[];
  /** The size of all that was removed. */
  readonly removedBytes: number;
  /** How many contents a name leads to. */
  readonly kept: number;
  /** How many contents nothing names, but are too young to be removed. */
  readonly spared: number;
}

/**
 * A store that can be looked after: what has a name in it can be listed, and what has none removed. A pull needs no more
 * than an {@link ImageStore}.
 *
 * @public
 */
export interface ManagedStore extends ImageStore {
  /** All names, each once, in no particular order. */
  names(options?: CallOptions): Promise<readonly string[]>;
  /** Takes a name away; its content stays until garbage is collected. Resolves to whether there was such a name. */
  untag(name: string, options?: CallOptions): Promise<boolean>;
  /**
   * Removes content that no name leads to. A name leads to its whole image, to what that has as `subject`, and to what has
   * any of these as `subject`, such as signatures. Fails with `ERR_STORE`, and removes nothing, when a manifest that has a
   * name cannot be read, because nobody knows then what it needs.
   */
  collectGarbage(options?: CollectGarbageOptions): Promise<GarbageReport>;
}
