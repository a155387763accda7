import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { ImageError } from '../errors/index.js';
import { aggregate, durationMs, parseGoDuration, printable, printGoDuration } from '../internal/index.js';

/** Kubelet's `imageGCHighThresholdPercent` when its configuration does not say. @public */
export const DEFAULT_GC_HIGH_THRESHOLD_PERCENT = 85;

/** Kubelet's `imageGCLowThresholdPercent` when its configuration does not say. @public */
export const DEFAULT_GC_LOW_THRESHOLD_PERCENT = 80;

/** Kubelet's `imageMinimumGCAge` when its configuration does not say: two minutes. @public */
export const DEFAULT_MINIMUM_GC_AGE_MS = 120_000;

/**
 * The fields of a `KubeletConfiguration` that concern the garbage collection of images, under their own names.
 *
 * @public
 */
export interface ImageGcConfiguration {
  /**
   * From this use of the disk on images are removed, in percent.
   *
   * @defaultValue {@link DEFAULT_GC_HIGH_THRESHOLD_PERCENT}
   */
  readonly imageGCHighThresholdPercent?: number | undefined;
  /**
   * Down to this use of the disk, in percent.
   *
   * @defaultValue {@link DEFAULT_GC_LOW_THRESHOLD_PERCENT}
   */
  readonly imageGCLowThresholdPercent?: number | undefined;
  /**
   * An image is left alone for so long after it was seen first: a duration as Go writes it, or milliseconds. 0 counts as not
   * set.
   *
   * @defaultValue {@link DEFAULT_MINIMUM_GC_AGE_MS}
   */
  readonly imageMinimumGCAge?: string | number | undefined;
  /**
   * An image that was not used for longer is removed even when there is room; 0 for never.
   *
   * @defaultValue `0`
   */
  readonly imageMaximumGCAge?: string | number | undefined;
  /**
   * The age of an image that was never used counts from when it was seen first. Kubelet takes it for older than any
   * `imageMaximumGCAge`, so it removes what was brought for a pod that did not start yet.
   *
   * @defaultValue `false`, as in kubelet
   */
  readonly agesFromFirstSeen?: boolean | undefined;
}

/** The same, checked and whole, in milliseconds. */
export interface GcPolicy {
  readonly high: number;
  readonly low: number;
  readonly minAgeMs: number;
  readonly maxAgeMs: number;
  readonly agesFromFirstSeen: boolean;
}

/**
 * Checks as kubelet does at its start. A shortest age of zero counts as not set, as Go cannot tell the two apart.
 *
 * @see ValidateKubeletConfiguration in kubernetes pkg/kubelet/apis/config/validation/validation.go, v1.36
 */
export function checkGcPolicy(configuration: ImageGcConfiguration = {}): GcPolicy {
  const { agesFromFirstSeen = false } = configuration;
  check('Cannot collect images', { agesFromFirstSeen }, { agesFromFirstSeen: is.bool });
  const { imageGCHighThresholdPercent: high = DEFAULT_GC_HIGH_THRESHOLD_PERCENT } = configuration;
  const { imageGCLowThresholdPercent: low = DEFAULT_GC_LOW_THRESHOLD_PERCENT } = configuration;
  const min = readAge('imageMinimumGCAge', configuration.imageMinimumGCAge) || readAge('', DEFAULT_MINIMUM_GC_AGE_MS);
  const max = readAge('imageMaximumGCAge', configuration.imageMaximumGCAge);
  const faults = [...percentFaults(high, low), ...ageFaults(min, max)];
  if (faults.length > 0) throw refuse(aggregate(faults.map((fault) => `invalid configuration: ${fault}`)));
  return { high, low, minAgeMs: durationMs(min), maxAgeMs: durationMs(max), agesFromFirstSeen };
}

function percentFaults(high: number, low: number): string[] {
  const [highName, lowName] = [
    'imageGCHighThresholdPercent (--image-gc-high-threshold)',
    'imageGCLowThresholdPercent (--image-gc-low-threshold)',
  ];
  const isPercent = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 100;
  return [
    ...(isPercent(high) ? [] : [`${highName} ${String(high)} must be between 0 and 100, inclusive`]),
    ...(isPercent(low) ? [] : [`${lowName} ${String(low)} must be between 0 and 100, inclusive`]),
    ...(low < high ? [] : [`${lowName} ${low} must be less than ${highName} ${high}`]),
  ];
}

function ageFaults(min: bigint, max: bigint): string[] {
  const [minText, maxText] = [printGoDuration(min), printGoDuration(max)];
  return [
    ...(min < 0n ? [`imageMinimumGCAge ${minText} must not be negative`] : []),
    ...(max < 0n ? [`imageMaximumGCAge ${maxText} must not be negative`] : []),
    ...(max > 0n && max <= min
      ? [`imageMaximumGCAge ${maxText} must be greater than imageMinimumGCAge ${minText}`]
      : []),
  ];
}

/** In nanoseconds; 0 when it is not set. */
function readAge(name: string, age: string | number = 0): bigint {
  if (typeof age === 'number' && Number.isFinite(age)) return BigInt(Math.round(age * 1e6));
  const read = typeof age === 'string' ? parseGoDuration(age) : `${name} ${String(age)} is no duration`;
  if (typeof read === 'bigint') return read;
  throw refuse(read);
}

function refuse(reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot collect images: ${printable(reason, MAX_REASON)}`);
}

/** Longer than any fault that is not somebody's text. */
const MAX_REASON = 4_096;
