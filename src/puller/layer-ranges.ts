import { ImageError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';

const MIN_BYTES = 16 * 1024 * 1024;
const RANGE_BYTES = 1024 * 1024;

/**
 * How large layers are downloaded in parallel ranges.
 *
 * Ranges are fetched ahead of the store, which takes them in order: up to `parallel` times `rangeBytes` of each layer
 * wait in memory.
 *
 * @public
 */
export interface LayerRanges {
  /** Ranges of one layer at once, a whole number from 1; 1 is no ranges. */
  readonly parallel: number;
  /**
   * The size from which a layer counts as large.
   *
   * @defaultValue 16 MiB
   */
  readonly minBytes?: number | undefined;
  /**
   * The size of one range.
   *
   * @defaultValue 1 MiB
   */
  readonly rangeBytes?: number | undefined;
}

/** Which blobs are downloaded in ranges, and how. */
export interface RangePlan {
  readonly parallel: number;
  readonly minBytes: number;
  readonly rangeBytes: number;
}

/** @throws {@link ImageError} `ERR_OPTION_INVALID` when one of the numbers is none */
export function planRanges(ranges: LayerRanges | undefined): RangePlan | undefined {
  if (ranges === undefined) return undefined;
  const { parallel, minBytes = MIN_BYTES, rangeBytes = RANGE_BYTES } = ranges;
  for (const [name, value] of Object.entries({ parallel, minBytes, rangeBytes })) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new ImageError('ERR_OPTION_INVALID', `Cannot pull with ${name} ${value}: it must be a whole number from 1`);
  }
  return parallel > 1 ? { parallel, minBytes, rangeBytes } : undefined;
}

/** The plan, if a blob is large enough for it. */
export function rangesFor({ size }: Descriptor, plan: RangePlan | undefined): RangePlan | undefined {
  return plan !== undefined && size >= plan.minBytes ? plan : undefined;
}
