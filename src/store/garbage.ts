import type { Digest } from '../digest/index.js';
import { ImageError } from '../errors/index.js';
import {
  type CollectGarbageOptions,
  DEFAULT_GARBAGE_GRACE_MS,
  type GarbageReport,
  type RemovedContent,
} from './managed-types.js';

/**
 * What is in a store, and what a name leads to.
 *
 * @beta
 */
export interface Sorting {
  /** What is there, with its size. */
  readonly contents: ReadonlyMap<Digest, number>;
  /** What names lead to. */
  readonly reached: ReadonlySet<Digest>;
  /** Whether content that nothing names is too young to be removed. */
  isYoung(digest: Digest): boolean | Promise<boolean>;
  /** Removes content; resolves to whether it did, as somebody may have come in between. */
  remove(digest: Digest): boolean | Promise<boolean>;
}

/**
 * The grace that holds with these options.
 *
 * @param options - those of `collectGarbage`
 * @returns milliseconds, by default {@link DEFAULT_GARBAGE_GRACE_MS}
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when `graceMs` is negative or no number
 * @example
 * ```ts
 * import { graceOf } from 'kubepull/store';
 *
 * graceOf({ graceMs: 0 }); // 0
 * ```
 * @beta
 */
export function graceOf({ graceMs = DEFAULT_GARBAGE_GRACE_MS }: CollectGarbageOptions): number {
  if (graceMs >= 0) return graceMs;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot collect garbage with graceMs ${graceMs}: it is no time`);
}

/**
 * Removes what is not reached and not young, and counts: the last step of `collectGarbage` in a store of your own, after
 * {@link reachableContent}.
 *
 * @param sorting - what is there, what has to stay, and how the store removes
 * @param options - those of `collectGarbage`: whether to remove anything at all, and an abort signal
 * @returns the report of `collectGarbage`
 * @example
 * ```ts
 * import { type Sorting, sweepGarbage } from 'kubepull/store';
 *
 * declare const sorting: Sorting;
 * const { removedBytes } = await sweepGarbage(sorting, { dryRun: true });
 * ```
 * @beta
 */
export async function sweepGarbage(
  { contents, reached, isYoung, remove }: Sorting,
  { dryRun = false, signal }: CollectGarbageOptions,
): Promise<GarbageReport> {
  const removed: RemovedContent[] = [];
  let spared = 0;
  for (const [digest, size] of contents) {
    signal?.throwIfAborted();
    if (reached.has(digest)) continue;
    if (!(await isYoung(digest)) && (dryRun || (await remove(digest)))) removed.push({ digest, size });
    else spared += 1;
  }
  const removedBytes = removed.reduce((total, { size }) => total + size, 0);
  return { removed, removedBytes, kept: contents.size - removed.length - spared, spared };
}
