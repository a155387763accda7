import { type CallOptions, type Clock, systemClock } from '../clock/index.js';
import { runTraced, type Tracing } from '../tracing/index.js';
import { asError, check, rethrowAbort } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { type DiskRoom, type ImageGcPlan, type ImageUse, planImageGc, shortOfSpace } from './plan.js';
import { checkGcPolicy, type ImageGcConfiguration } from './policy.js';
import { traceImages, imageServiceKind } from '../image-service/inner.js';
import type { ImageService } from '../image-service/index.js';

/**
 * Forgets the pull records of images that are gone; an image manager is one.
 *
 * @public
 */
export interface RecordPruner {
  /**
   * Forgets the records of images that the runtime has no more, except what was recorded since `startedAt`, a time of
   * the wall clock. Resolves to their ids.
   */
  pruneRecords(options: CallOptions & { readonly startedAt: number }): Promise<readonly string[]>;
}

/**
 * How images are collected.
 *
 * @public
 */
export interface ImageCollectorOptions extends ImageGcConfiguration {
  /** The runtime that has the images. */
  readonly images: ImageService;
  /** Measures the file system of the images, which CRI does not tell. */
  readonly diskRoom: (options: CallOptions) => DiskRoom | Promise<DiskRoom>;
  /** The ids of the images of all containers, running or not. */
  readonly imagesInUse: (options: CallOptions) => Iterable<string> | Promise<Iterable<string>>;
  /** Whose records of removed images are to be forgotten. @defaultValue none */
  readonly manager?: RecordPruner | undefined;
  /** Watches removals, and the calls of `images`. @defaultValue none */
  readonly tracing?: Tracing | undefined;
  /** Measures how old images are, and tells `manager` when a collection began. @defaultValue `systemClock` */
  readonly clock?: Pick<Clock, 'monotonic' | 'now'> | undefined;
}

/**
 * What a collection did.
 *
 * @public
 */
export interface ImageGcReport {
  /** In the order of removal. */
  readonly removed: readonly { readonly image: ImageUse; readonly reason: 'age' | 'space' }[];
  /** What could not be removed, in the order of trying, with the error. */
  readonly failed: readonly { readonly image: ImageUse; readonly error: Error }[];
  /** The bytes that were to be freed for room, once the old images were gone; 0 below the high threshold. */
  readonly bytesToFree: number;
  /** The bytes that were freed in all, by age and for room. */
  readonly freedBytes: number;
  /** The ids whose records were forgotten. */
  readonly pruned: readonly string[];
  /** Kubelet's text when it could not free enough, or the disk has no capacity. */
  readonly failure: string | undefined;
}

/**
 * Kubelet's garbage collection of images.
 *
 * @public
 */
export interface ImageCollector {
  /** Looks which images there are and which are in use. Kubelet does it every five minutes, so that it knows their age. */
  observe(options?: CallOptions): Promise<readonly ImageUse[]>;
  /** Looks, and removes what is too old, or too much. Calls must not overlap. */
  collect(options?: CallOptions): Promise<ImageGcReport>;
}

/**
 * Makes the collector of a node's images: it remembers when images were used, and removes by kubelet's policy.
 *
 * @param given - the runtime, the disk, what is in use, and the configuration under kubelet's names
 * @returns the collector; it starts nothing by itself
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a configuration with which kubelet does not start, with its text
 * @example
 * ```ts
 * import { createImageCollector } from 'kubepull/image-gc';
 * import { type ImageService } from 'kubepull/image-service';
 *
 * declare const images: ImageService;
 * const collector = createImageCollector({
 *   images,
 *   diskRoom: () => ({ capacityBytes: 100e9, availableBytes: 10e9 }),
 *   imagesInUse: () => [],
 * });
 * const { removed } = await collector.collect();
 * ```
 * @see NewImageGCManager in kubernetes pkg/kubelet/images/image_gc_manager.go, v1.35
 * @public
 */
export function createImageCollector(given: ImageCollectorOptions): ImageCollector {
  check('Cannot collect images', { given }, { given: is.object });
  const { images, diskRoom, imagesInUse, manager } = given;
  check(
    'Cannot collect images',
    { images, diskRoom, imagesInUse, manager, tracing: given.tracing, clock: given.clock },
    {
      images: imageServiceKind,
      diskRoom: is.callable,
      imagesInUse: is.callable,
      manager: is.optional(is.having('an image manager', 'pruneRecords')),
      tracing: is.optional(is.tracing),
      clock: is.optional(is.having('a clock, such as systemClock', 'now', 'monotonic')),
    },
  );
  checkGcPolicy(given);
  const { clock = systemClock, tracing } = given;
  const options = { ...given, images: traceImages(given.images, tracing) };
  const startedAt = clock.monotonic();
  const known = new Map<string, ImageUse>();
  const observe = async (call: CallOptions = {}): Promise<readonly ImageUse[]> => {
    check<CallOptions>('Cannot look at images', call, is.callOptions);
    return lookAt(options, known, call, clock.monotonic());
  };
  return {
    observe,
    async collect(call = {}) {
      check<CallOptions>('Cannot collect images', call, is.callOptions);
      const [now, wallNow] = [clock.monotonic(), clock.now()];
      const images = await lookAt(options, known, call, now);
      // What is too old goes whatever room there is, also where that cannot be measured.
      const { old } = planImageGc({ ...options, images, disk: ROOMY, now, startedAt });
      const aged = await removeUntil(options, old, Infinity, call);
      const rest = images.filter((image) => !old.some((one) => one.image === image));
      const disk = await options.diskRoom(call);
      const plan = planImageGc({ ...options, images: rest, disk, now, startedAt });
      const spaced = await removeUntil(options, plan.forSpace, plan.bytesToFree, call);
      const pruned = (await options.manager?.pruneRecords({ ...call, startedAt: wallNow })) ?? [];
      for (const { image } of [...aged.removed, ...spaced.removed]) known.delete(keyOf(image));
      return report(plan, aged, spaced, pruned);
    },
  };
}

const ROOMY: DiskRoom = { capacityBytes: 1, availableBytes: 1 };

interface Removal {
  readonly removed: ImageGcReport['removed'][number][];
  readonly failed: ImageGcReport['failed'][number][];
  freed: number;
}

/** One that cannot be removed is passed over, and the next has to make up for it. */
async function removeUntil(
  { images: service, tracing }: Pick<ImageCollectorOptions, 'images' | 'tracing'>,
  candidates: ImageGcPlan['forSpace'],
  bytes: number,
  call: CallOptions,
): Promise<Removal> {
  const removal: Removal = { removed: [], failed: [], freed: 0 };
  for (const { image, reason } of candidates) {
    if (removal.freed >= bytes) break;
    try {
      const why = reason === 'age' ? 'age' : 'space';
      await runTraced(tracing, 'remove', { image: image.id, reason: why }, () =>
        service.removeImage({ image: image.id, annotations: {}, runtimeHandler: image.runtimeHandler }, call),
      );
      removal.removed.push({ image, reason: why });
      removal.freed += image.size;
    } catch (error) {
      rethrowAbort(call.signal);
      removal.failed.push({ image, error: asError(error) });
    }
  }
  return removal;
}

function report(plan: ImageGcPlan, aged: Removal, spaced: Removal, pruned: readonly string[]): ImageGcReport {
  const { bytesToFree } = plan;
  const isShort = plan.failure === undefined && spaced.freed < bytesToFree;
  return {
    removed: [...aged.removed, ...spaced.removed],
    failed: [...aged.failed, ...spaced.failed],
    bytesToFree,
    freedBytes: aged.freed + spaced.freed,
    pruned,
    failure: isShort || plan.missingBytes > 0 ? shortOfSpace(bytesToFree, spaced.freed) : plan.failure,
  };
}

async function lookAt(
  { images: service, imagesInUse }: ImageCollectorOptions,
  known: Map<string, ImageUse>,
  call: CallOptions,
  now: number,
): Promise<readonly ImageUse[]> {
  const images = await service.listImages(call);
  const used = new Set(await imagesInUse(call));
  const seen = images.map(({ id, size, pinned, runtimeHandler }): ImageUse => {
    const before = known.get(keyOf({ id, runtimeHandler }));
    const inUse = used.has(id);
    const lastUsedAt = inUse ? now : before?.lastUsedAt;
    return { id, runtimeHandler, size, pinned, inUse, firstSeenAt: before?.firstSeenAt ?? now, lastUsedAt };
  });
  known.clear();
  for (const image of seen) known.set(keyOf(image), image);
  return seen;
}

function keyOf({ id, runtimeHandler }: Pick<ImageUse, 'id' | 'runtimeHandler'>): string {
  return JSON.stringify([id, runtimeHandler]);
}
