import type { OpenedBlob } from '../distribution/index.js';
import { bodyError, type BlobBudget, cutShort, openBlobWithin } from '../distribution/inner.js';
import type { Descriptor } from '../oci/index.js';
import type { PullContext } from './download.js';
import type { ContentWriter } from '../store/index.js';

/** A writer to fill, and what goes with it. */
export interface Filling {
  readonly writer: ContentWriter;
  readonly signal: AbortSignal;
  /** Hears how many bytes the writer has. */
  readonly onProgress: (bytes: number) => void;
}

/** What all requests for one blob go by. */
export interface BlobRequests {
  readonly context: PullContext;
  readonly blob: Descriptor;
  readonly budget: BlobBudget;
}

/** One part of a blob; `end` is behind its last byte. */
export interface Part {
  readonly offset: number;
  readonly end: number;
}

/** Asks for a part once. What comes may be all of the blob instead. */
export function fetchPart(
  { context: { session, ref }, blob, budget: { refreshes } }: BlobRequests,
  part: Part,
  signal: AbortSignal,
): Promise<OpenedBlob> {
  return openBlobWithin(session, ref, blob, { ...part, signal }, refreshes);
}

/** One request for what the writer lacks up to `end`. If all of the blob comes, the writer takes all of it. */
export async function copyPart(
  requests: BlobRequests,
  end: number,
  { writer, signal, onProgress }: Filling,
): Promise<void> {
  const fetched = await fetchPart(requests, { offset: writer.offset, end }, signal);
  let startsOver = fetched.offset !== writer.offset;
  const whole = fetched.end === requests.blob.size;
  for await (const chunk of fetched.content) {
    checkTime(requests, writer.offset);
    // Within the loop, so that the connection is given up if the store fails.
    if (startsOver) await writer.restart();
    startsOver = false;
    // Who sends more than the range that was asked for is not listened to any longer; more than the blob is wrong.
    const wanted = whole ? chunk : chunk.subarray(0, fetched.end - writer.offset);
    await writer.write(wanted, { owned: true });
    onProgress(writer.offset);
    if (wanted.length < chunk.length) break;
  }
  if (writer.offset < fetched.end) throw cutShort(requests.context.ref, requests.blob, writer.offset);
}

/** A server that keeps just above every other limit is not waited for any longer. */
export function checkTime({ context: { ref }, blob, budget }: BlobRequests, received: number): void {
  if (budget.isOver()) throw bodyError(ref, blob, `time was up after ${received} of ${blob.size} bytes`, false);
}
