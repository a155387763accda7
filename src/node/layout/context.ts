import type { CallOptions, Clock } from '../../clock/index.js';
import type { CreateHasher } from '../../digest/index.js';
import type { LayoutFileSystem } from './file-system.js';
import type { LayoutOwner } from './owner.js';
import type { LayoutPaths } from './paths.js';
import type { VerifiedFiles } from './verified.js';

/** How long, and how much, a layout keeps of downloads that were cut. */
export interface PartialLimits {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
}

/** What the parts of one open layout share. */
export interface LayoutContext {
  /** Its errors are a `StoreError`. */
  readonly fs: LayoutFileSystem;
  readonly paths: LayoutPaths;
  readonly owner: LayoutOwner;
  readonly clock: Clock;
  readonly createHasher: CreateHasher;
  readonly verified: VerifiedFiles;
  readonly partials: PartialLimits;
  /** Runs what nobody else may do to this layout at the same time. */
  readonly exclusive: Exclusive;
}

/** The action gets a check that fails when the lock was taken away meanwhile. */
export type Exclusive = <T>(action: (confirm: () => Promise<void>) => Promise<T>, options?: CallOptions) => Promise<T>;
