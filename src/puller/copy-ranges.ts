import { isImageError } from '../errors/index.js';
import {
  type BlobRequests,
  checkTime,
  copyPart,
  cutShort,
  fetchPart,
  type Filling,
  isCut,
  type Part,
} from './copy-blob.js';
import { planRetries } from './download-retries.js';
import type { RangePlan } from './layer-ranges.js';
import { readAhead } from './read-ahead.js';

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
      const { offset, end, content } = await fetchPart(requests, wanted, signal);
      const exact = offset === wanted.offset && end === wanted.end;
      for await (const chunk of content) {
        checkTime(requests, part.offset + length);
        // Within the loop, so that the connection is given up.
        if (!exact || chunk.length > bytes.length - length) return undefined;
        bytes.set(chunk, length);
        length += chunk.length;
      }
      if (length === bytes.length) return bytes;
      throw cutShort(requests, part.offset + length);
    } catch (error) {
      signal.throwIfAborted();
      const delayMs = isImageError(error) && isCut(error) ? retries.pauseAfter(length) : undefined;
      if (!isImageError(error) || delayMs === undefined) throw error;
      context.emit({ type: 'retry', descriptor: blob, error, delayMs, offset: part.offset + length });
      await context.clock.sleep(delayMs, { signal });
    }
  }
}
