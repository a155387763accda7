import { linkAbort } from '../internal/index.js';
import { type Kind } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { Slots } from '../internal/index.js';
import type { Descriptor } from '../oci/index.js';
import { type BlobRequests, checkTime, copyPart, fetchPart, type Filling, type Part } from './copy-blob.js';
import type { RangePlan } from './context.js';
import { cutShort, isCut, planRetries } from '../distribution/inner.js';

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

const whole = /* @__PURE__ */ is.wholeFrom(1);

export const rangesKind: Kind = /* @__PURE__ */ is.shape({
  parallel: whole,
  minBytes: /* @__PURE__ */ is.optional(whole),
  rangeBytes: /* @__PURE__ */ is.optional(whole),
});

export function planRanges(ranges: LayerRanges | undefined): RangePlan | undefined {
  if (ranges === undefined) return undefined;
  const { parallel, minBytes = MIN_BYTES, rangeBytes = RANGE_BYTES } = ranges;
  return parallel > 1 ? { parallel, minBytes, rangeBytes } : undefined;
}

/** The plan, if a blob is large enough for it. */
export function rangesFor({ size }: Descriptor, plan: RangePlan | undefined): RangePlan | undefined {
  return plan !== undefined && size >= plan.minBytes ? plan : undefined;
}

/**
 * Fills the writer from ranges that are fetched at once. The first is fetched alone: by its answer the registry shows
 * whether it knows ranges.
 *
 * @returns whether the registry gave every range that was asked for. The writer may lack the rest all the same.
 */
export async function copyRanges(requests: BlobRequests, plan: RangePlan, filling: Filling): Promise<boolean> {
  const { blob, context } = requests;
  const { writer, signal, onProgress } = filling;
  const { slots } = context.downloads;
  const first = slots.spare ? Math.min(writer.offset + plan.rangeBytes, blob.size) : blob.size;
  await copyPart(requests, first, filling);
  const parts = partsOf({ offset: writer.offset, end: blob.size }, plan.rangeBytes);
  const fetch = (part: Part, partSignal: AbortSignal): Promise<Uint8Array | undefined> =>
    fetchRange(requests, part, partSignal);
  for await (const bytes of readAhead(parts, fetch, { parallel: plan.parallel, slots, signal })) {
    if (bytes === undefined) return false;
    await writer.write(bytes, { owned: true });
    onProgress(writer.offset);
  }
  return true;
}

function* partsOf({ offset, end }: Part, bytes: number): Generator<Part, void, undefined> {
  for (let at = offset; at < end; at += bytes) yield { offset: at, end: Math.min(at + bytes, end) };
}

/** The bytes of one range, resumed where it was cut; `undefined` when the registry sends something else instead. */
async function fetchRange(requests: BlobRequests, part: Part, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const { blob, budget, context } = requests;
  const bytes = new Uint8Array(part.end - part.offset);
  const retries = planRetries({ size: bytes.length, offset: 0 }, budget);
  for (let length = 0; ;) {
    try {
      const wanted = { offset: part.offset + length, end: part.end };
      const { offset, end, content } = await fetchPart(requests, wanted, { signal });
      const exact = offset === wanted.offset && end === wanted.end;
      for await (const chunk of content) {
        checkTime(requests, part.offset + length);
        // Within the loop, so that the connection is given up.
        if (!exact || chunk.length > bytes.length - length) return undefined;
        bytes.set(chunk, length);
        length += chunk.length;
      }
      if (length === bytes.length) return bytes;
      throw cutShort(context.ref, blob, part.offset + length);
    } catch (error) {
      signal.throwIfAborted();
      if (!isCut(error)) throw error;
      const delayMs = retries.pauseAfter(length);
      if (delayMs === undefined) throw error;
      context.emit({ type: 'retry', descriptor: blob, error, delayMs, offset: part.offset + length });
      await context.clock.sleep(delayMs, { signal });
    }
  }
}

/** How far ahead is read, and with whose places. */
export interface Window {
  /** Parts that are fetched, or wait to be taken, at once. */
  readonly parallel: number;
  /** Where the places for all parts but one come from; the one has the place of whoever reads. */
  readonly slots: Pick<Slots, 'spare' | 'enterSpare'>;
  readonly signal: AbortSignal;
}

/**
 * Fetches parts at once and gives them out in order. No more than a window of them is in memory, so a slow reader slows
 * the fetching down.
 *
 * It never waits for a place. It ends early when there is none but the reader's own: without others beside it, one
 * stream is better than a request for each part.
 *
 * When the loop is left, and when a part fails, all that is under way is cancelled and awaited.
 */
export async function* readAhead<P, T>(
  parts: Iterable<P>,
  fetchPart: (part: P, signal: AbortSignal) => Promise<T>,
  { parallel, slots, signal }: Window,
): AsyncGenerator<T, void, undefined> {
  const { controller, release } = linkAbort(signal);
  const queue = parts[Symbol.iterator]();
  const underWay: Promise<T>[] = [];
  const enter = planPlaces(slots);
  const start = (): boolean => {
    const leave = enter();
    if (leave === undefined) return false;
    const next = queue.next();
    if (next.done === true) {
      leave();
      return false;
    }
    const fetched = fetchPart(next.value, controller.signal).finally(leave);
    // Its failure is seen when its turn comes.
    fetched.catch(() => undefined);
    underWay.push(fetched);
    return true;
  };
  try {
    for (;;) {
      while (underWay.length < parallel && start());
      const [first] = underWay;
      if (first === undefined) return;
      yield await first;
      void underWay.shift();
    }
  } finally {
    controller.abort();
    await Promise.allSettled(underWay);
    release();
  }
}

/** The reader's own place is used as long as another part is, or can be, fetched beside it. */
function planPlaces(slots: Window['slots']): () => (() => void) | undefined {
  let ownTaken = false;
  let others = 0;
  return () => {
    if (!ownTaken && (others > 0 || slots.spare)) {
      ownTaken = true;
      return () => void (ownTaken = false);
    }
    const leave = slots.enterSpare();
    if (leave === undefined) return undefined;
    others += 1;
    return () => {
      others -= 1;
      leave();
    };
  };
}
