import { check, type Kinds } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { checkGcPolicy, type GcPolicy, type ImageGcConfiguration } from './policy.js';

/**
 * What is known of an image when garbage is collected. Times are of one clock, in milliseconds.
 *
 * @public
 */
export interface ImageUse {
  /** The runtime's id of the image. */
  readonly id: string;
  /** The runtime handler that it was pulled with; empty for the default one. */
  readonly runtimeHandler: string;
  /** In bytes. */
  readonly size: number;
  /** Whether the runtime has it pinned, so that it is never removed. */
  readonly pinned: boolean;
  /** Whether a container uses it now. */
  readonly inUse: boolean;
  /** When it was first seen, by the same clock as `now` of {@link ImageGcQuestion}. */
  readonly firstSeenAt: number;
  /** When it was last seen in use; `undefined` for never. */
  readonly lastUsedAt: number | undefined;
}

const IMAGE_USE: Kinds<ImageUse> = {
  id: is.text,
  runtimeHandler: is.text,
  size: is.finite,
  pinned: is.bool,
  inUse: is.bool,
  firstSeenAt: is.finite,
  lastUsedAt: /* @__PURE__ */ is.optional(is.finite),
};

/**
 * The room on the file system of the images.
 *
 * @public
 */
export interface DiskRoom {
  /** The size of the file system, in bytes. */
  readonly capacityBytes: number;
  /** How much of it is free, in bytes. */
  readonly availableBytes: number;
}

/**
 * What is to be decided.
 *
 * @public
 */
export interface ImageGcQuestion extends ImageGcConfiguration {
  /** All images that the runtime has. */
  readonly images: readonly ImageUse[];
  /** The room on their file system, before anything is removed. */
  readonly disk: DiskRoom;
  /** By the same clock as the times of the images. */
  readonly now: number;
  /** When the collector was started: nothing is too old before it ran for longer than `imageMaximumGCAge`. */
  readonly startedAt: number;
}

/**
 * Why an image stays or goes.
 *
 * @public
 */
export interface ImageGcDecision {
  /** The image. */
  readonly image: ImageUse;
  /**
   * `age` and `space` go. `in-use`, `pinned` and `too-young` stay; `spare` would be next if that were not enough room, and
   * `enough-room` is not looked at, because nothing is short.
   */
  readonly reason: 'age' | 'space' | 'in-use' | 'pinned' | 'too-young' | 'spare' | 'enough-room';
}

/**
 * What a collection is to do.
 *
 * @public
 */
export interface ImageGcPlan {
  /** Not used for too long: removed whatever room there is. */
  readonly old: readonly ImageGcDecision[];
  /** The room to win besides, in bytes; 0 below the high threshold. */
  readonly bytesToFree: number;
  /** What goes to win it, least recently used first, and after it the spare ones in that order. */
  readonly forSpace: readonly ImageGcDecision[];
  /** What stays, with the reason: in use, pinned, too young, or there is enough room. */
  readonly kept: readonly ImageGcDecision[];
  /** How many bytes more are to be freed than can be. */
  readonly missingBytes: number;
  /** Kubelet's text when something is wrong: no capacity, or too little to free. */
  readonly failure: string | undefined;
}

/**
 * Decides which images kubelet's garbage collection removes, and in which order; it removes nothing.
 *
 * The room that the old ones give back counts, as if `disk` were measured after them. Sizes add up as if images shared no
 * layers, as they do for kubelet.
 *
 * @param question - the images, the disk, and the configuration
 * @returns the plan, with a reason for every image
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a configuration with which kubelet does not start, with its text
 * @example
 * ```ts
 * import { planImageGc } from 'kubepull/image-gc';
 *
 * const disk = { capacityBytes: 100, availableBytes: 10 };
 * planImageGc({ images: [], disk, now: 0, startedAt: 0 }).bytesToFree; // 10: from 90 % down to 80 %
 * ```
 * @see realImageGCManager in kubernetes pkg/kubelet/images/image_gc_manager.go, v1.35
 * @public
 */
export function planImageGc(question: ImageGcQuestion): ImageGcPlan {
  check('Cannot collect images', { question }, { question: is.object });
  const policy = checkGcPolicy(question);
  const { images, now, disk, startedAt } = question;
  check(
    'Cannot collect images',
    { images, now, disk, startedAt },
    {
      images: is.listOf(is.shape(IMAGE_USE)),
      now: is.finite,
      disk: is.shape({ capacityBytes: is.finite, availableBytes: is.finite }),
      startedAt: is.finite,
    },
  );
  const fixed = images.flatMap((image) => keptAnyway(image) ?? []);
  const order = images.filter((image) => keptAnyway(image) === undefined).toSorted(byUse);
  const old = order.filter((image) => isOld(image, policy, question));
  const freed = sizeOf(old);
  const { capacityBytes } = disk;
  const availableBytes = Math.min(disk.availableBytes + freed, capacityBytes);
  const bytesToFree = roomToWin({ capacityBytes, availableBytes }, policy);
  const rest = order.filter((image) => !old.includes(image));
  const { forSpace, kept, won } = chooseForSpace(rest, bytesToFree, now, policy);
  const missingBytes = Math.max(0, bytesToFree - won);
  return {
    old: old.map((image) => ({ image, reason: 'age' })),
    bytesToFree,
    forSpace,
    kept: [...fixed, ...kept],
    missingBytes,
    failure: failureOf(capacityBytes, bytesToFree, won),
  };
}

function keptAnyway(image: ImageUse): ImageGcDecision | undefined {
  if (image.inUse) return { image, reason: 'in-use' };
  return image.pinned ? { image, reason: 'pinned' } : undefined;
}

/** Least recently used first, never used before all; then by when they were seen first. */
function byUse(a: ImageUse, b: ImageUse): number {
  const [usedA, usedB] = [a.lastUsedAt ?? -Infinity, b.lastUsedAt ?? -Infinity];
  return usedA === usedB ? a.firstSeenAt - b.firstSeenAt : usedA < usedB ? -1 : 1;
}

function isOld(
  image: ImageUse,
  { maxAgeMs, agesFromFirstSeen }: GcPolicy,
  { now, startedAt }: ImageGcQuestion,
): boolean {
  if (maxAgeMs === 0 || now - startedAt <= maxAgeMs) return false;
  const since = image.lastUsedAt ?? (agesFromFirstSeen ? image.firstSeenAt : -Infinity);
  return now - since > maxAgeMs;
}

function roomToWin({ capacityBytes, availableBytes }: DiskRoom, { high, low }: GcPolicy): number {
  if (!(capacityBytes > 0)) return 0;
  const usedPercent = 100 - Math.floor((availableBytes * 100) / capacityBytes);
  if (usedPercent < high) return 0;
  return Math.max(0, Math.floor((capacityBytes * (100 - low)) / 100) - availableBytes);
}

function chooseForSpace(
  rest: readonly ImageUse[],
  bytesToFree: number,
  now: number,
  { minAgeMs }: GcPolicy,
): Pick<ImageGcPlan, 'forSpace' | 'kept'> & { readonly won: number } {
  if (bytesToFree === 0) return { forSpace: [], kept: rest.map((image) => ({ image, reason: 'enough-room' })), won: 0 };
  const isYoung = (image: ImageUse): boolean =>
    (image.lastUsedAt ?? -Infinity) >= now || now - image.firstSeenAt < minAgeMs;
  let won = 0;
  const forSpace = rest
    .filter((image) => !isYoung(image))
    .map((image): ImageGcDecision => {
      const isSpare = won >= bytesToFree;
      won += isSpare ? 0 : image.size;
      return { image, reason: isSpare ? 'spare' : 'space' };
    });
  return { forSpace, kept: rest.filter(isYoung).map((image) => ({ image, reason: 'too-young' })), won };
}

function sizeOf(images: readonly ImageUse[]): number {
  return images.reduce((sum, { size }) => sum + size, 0);
}

function failureOf(capacityBytes: number, bytesToFree: number, freed: number): string | undefined {
  if (!(capacityBytes > 0)) return `invalid capacity ${capacityBytes} on image filesystem`;
  return freed < bytesToFree ? shortOfSpace(bytesToFree, freed) : undefined;
}

export function shortOfSpace(wanted: number, freed: number): string {
  const found = `Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`;
  return `Failed to garbage collect required amount of images. ${found}`;
}
