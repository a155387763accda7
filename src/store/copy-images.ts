import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { runPool } from '../internal/index.js';
import { type CopiedImage, type CopyEvent, copyImage, type CopyImageOptions } from './copy.js';
import { storeWith } from './kinds.js';
import type { CopySource, CopyTarget, ImageStore } from './types.js';

/** Images that are copied at once when the caller does not say. @public */
export const DEFAULT_MAX_PARALLEL_COPIES = 3;

/**
 * One image to copy.
 *
 * @public
 */
export interface CopyJob {
  /** The store or registry that has the image. */
  readonly from: CopySource;
  /** The name in the source. */
  readonly name: string;
  /** The store or registry that shall have it. */
  readonly to: ImageStore | CopyTarget;
  /** The name in the target. @defaultValue the same name */
  readonly as?: string | undefined;
}

/**
 * Options of {@link copyImages}.
 *
 * @public
 */
export interface CopyImagesOptions extends Omit<CopyImageOptions, 'as' | 'onEvent'> {
  /** Images that are copied at once, a whole number from 1. @defaultValue {@link DEFAULT_MAX_PARALLEL_COPIES} */
  readonly maxParallel?: number | undefined;
  /** Is told what happens to which image. When it throws, the copies end with that error. @defaultValue none */
  readonly onEvent?: ((event: CopyEvent, job: CopyJob) => void) | undefined;
}

/**
 * Copies several images, some at once. When one fails, the others are given up, and its error is thrown; what was copied by
 * then stays, and is not copied again the next time.
 *
 * @param jobs - what to copy, from where and to where
 * @param options - as for {@link copyImage}, for all of them; how many at once
 * @returns what the targets have now, in the order of the jobs
 * @throws what {@link copyImage} throws
 * @example
 * ```ts
 * import { type CopySource, type CopyTarget, copyImages } from 'kubepull/store';
 *
 * declare const from: CopySource;
 * declare const to: CopyTarget;
 * const names = ['registry.example.com/team/app:1', 'registry.example.com/team/app:2'];
 * await copyImages(names.map((name) => ({ from, name, to })), { referrers: true });
 * ```
 * @public
 */
export async function copyImages(
  jobs: Iterable<CopyJob>,
  options: CopyImagesOptions = {},
): Promise<readonly CopiedImage[]> {
  const job = is.shape({
    from: storeWith('has', 'read', 'resolve'),
    name: is.text,
    to: is.either(storeWith('has', 'read', 'ingest', 'tag'), storeWith('bring', 'tag')),
    as: is.optional(is.text),
  });
  check('Cannot copy', { jobs }, { jobs: is.iterable });
  const list = [...jobs];
  check('Cannot copy', { jobs: list }, { jobs: is.listOf(job) });
  check('Cannot copy', { options }, { options: is.object });
  const { maxParallel = DEFAULT_MAX_PARALLEL_COPIES, onEvent, signal, ...each } = options;
  check(
    'Cannot copy',
    { maxParallel, onEvent, signal },
    { maxParallel: is.wholeFrom(1), onEvent: is.optional(is.callable), ...is.callOptions },
  );
  const copied: CopiedImage[] = [];
  await runPool([...list.entries()], { limit: maxParallel, signal }, async ([at, one], pool) => {
    const { from, name, to, as } = one;
    const tell = onEvent && ((event: CopyEvent) => onEvent(event, one));
    copied[at] = await copyImage(from, name, to, { ...each, as, onEvent: tell, signal: pool });
  });
  return copied;
}
