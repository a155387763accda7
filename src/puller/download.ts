import { hasBlob } from '../distribution/index.js';
import { type AnyImageError, isImageError } from '../errors/index.js';
import { randomFraction } from '../internal/index.js';
import type { Descriptor } from '../oci/index.js';
import { type BlobRequests, copyPart, type Filling } from './copy-blob.js';
import type { PullContext, RangePlan } from './context.js';
import type { Flight } from './download-pool.js';
import type { BlobEvent } from './events.js';
import { createBlobBudget, type DownloadRetries, isCut, planRetries } from '../distribution/inner.js';
import { copyRanges, rangesFor } from './layer-ranges.js';
import type { ContentWriter } from '../store/index.js';
import { runTraced } from '../tracing/index.js';

/**
 * Brings one blob into the store, unless it is there or another pull is about to bring it. Only for blobs of a manifest
 * that the registry gave out to this pull's own credential.
 */
export async function downloadBlob(context: PullContext, blob: Descriptor, signal: AbortSignal): Promise<void> {
  const { store, emit, from, downloads } = context;
  for (;;) {
    const flight = downloads.flights.find(store, blob);
    if (flight === undefined) {
      return downloads.flights.lead({ store, blob, from }, (tell) =>
        bringBlob(context, blob, signal, (event) => {
          emit(event);
          tell(event);
        }),
      );
    }
    if (!(await mayFollow(context, flight, blob, signal))) return bringBlob(context, blob, signal, emit);
    if (await flight.follow(emit, signal)) return;
  }
}

/** A manifest is easily made to name a blob of others; whether one may have that blob, the registry knows. */
async function mayFollow(
  { session, ref, from }: PullContext,
  flight: Flight,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<boolean> {
  if (flight.from === from) return true;
  try {
    return await hasBlob(session, ref, blob, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!isImageError(error)) throw error;
    // The download itself says better what is wrong.
    return false;
  }
}

/** Tells of a blob that the store has already. */
export function tellPresent(tell: (event: BlobEvent) => void, blob: Descriptor): void {
  tell({ type: 'blob', descriptor: blob, phase: 'skipped', bytes: blob.size });
}

async function bringBlob(
  context: PullContext,
  blob: Descriptor,
  signal: AbortSignal,
  tell: (event: BlobEvent) => void,
): Promise<void> {
  const { ref, store, downloads, tracing } = context;
  const report = (phase: BlobEvent['phase'], bytes: number): void =>
    tell({ type: 'blob', descriptor: blob, phase, bytes });
  // Since the plan was made, another pull may have brought it.
  if (await store.has(blob, { signal })) return tellPresent(tell, blob);
  await downloads.slots.run(async () => {
    const writer = await store.ingest(blob, { signal });
    try {
      report('started', writer.offset);
      const filling = { writer, signal, onProgress: (bytes: number) => report('progress', bytes) };
      const { mediaType, digest, size } = blob;
      const facts = { name: ref.name, digest, mediaType, size, resumedFrom: writer.offset };
      await runTraced(tracing, 'blob', facts, () => fillWriter(context, blob, filling));
      report('verified', blob.size);
    } finally {
      await writer.abort();
    }
  }, signal);
}

/**
 * Fills a writer and commits it. A cut connection is resumed where the writer stands; content that turns out to be wrong
 * is asked for once more, from its first byte and as one stream.
 */
async function fillWriter(context: PullContext, blob: Descriptor, filling: Filling): Promise<void> {
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
