import { type AnyImageError, isImageError } from '../errors/index.js';
import { randomFraction } from '../internal/index.js';
import type { Descriptor } from '../oci/index.js';
import type { ContentWriter } from '../store/index.js';
import { type BlobRequests, copyPart, type Filling, isCut } from './copy-blob.js';
import { copyRanges } from './copy-ranges.js';
import type { PullContext } from './download.js';
import { createBlobBudget, type DownloadRetries, planRetries } from './download-retries.js';
import { type RangePlan, rangesFor } from './layer-ranges.js';

/**
 * Fills a writer and commits it. A cut connection is resumed where the writer stands; content that turns out to be wrong
 * is asked for once more, from its first byte and as one stream.
 */
export async function fillWriter(context: PullContext, blob: Descriptor, filling: Filling): Promise<void> {
  const { clock, emit } = context;
  const { writer, signal } = filling;
  const budget = createBlobBudget(clock, randomFraction);
  const recover = planRecovery(planRetries({ size: blob.size, offset: writer.offset }, budget), writer);
  let ranges = rangesFor(blob, context.ranges);
  for (;;) {
    try {
      while (writer.offset < blob.size)
        if (!(await copyBlob({ context, blob, budget }, ranges, filling))) ranges = undefined;
      await writer.commit();
      return;
    } catch (error) {
      signal.throwIfAborted();
      const delayMs = isImageError(error) ? await recover(error) : undefined;
      if (!isImageError(error) || delayMs === undefined) throw error;
      if (!isCut(error)) ranges = undefined;
      emit({ type: 'retry', descriptor: blob, error, delayMs, offset: writer.offset });
      await clock.sleep(delayMs, { signal });
    }
  }
}

/** Asks for what the writer lacks, and says whether ranges may be asked for again. */
async function copyBlob(requests: BlobRequests, ranges: RangePlan | undefined, filling: Filling): Promise<boolean> {
  if (ranges !== undefined) return copyRanges(requests, ranges, filling);
  await copyPart(requests, requests.blob.size, filling);
  return false;
}

/** Makes the writer fit for another request, and says when to send it; `undefined` when there is nothing to hope for. */
function planRecovery(
  retries: DownloadRetries,
  writer: ContentWriter,
): (error: AnyImageError) => Promise<number | undefined> {
  let mayStartOver = true;
  return async (error) => {
    if (isCut(error)) return retries.pauseAfter(writer.offset);
    if (error.code !== 'ERR_CONTENT_MISMATCH' || !mayStartOver) return undefined;
    mayStartOver = false;
    retries.startOver();
    await writer.restart();
    return 0;
  };
}
