import type { TransportResponse } from '../distribution/index.js';
import { bodyError, type BlobBudget, cutShort, type FetchedBlob, openBlobWithin } from '../distribution/inner.js';
import type { Descriptor } from '../oci/index.js';
import type { PullContext } from './context.js';
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
  { signal, carried }: { readonly signal: AbortSignal; readonly carried?: boolean },
): Promise<FetchedBlob> {
  return openBlobWithin(session, ref, blob, { ...part, signal, carried }, refreshes);
}

/** One request for what the writer lacks up to `end`. If all of the blob comes, the writer takes all of it. */
export async function copyPart(requests: BlobRequests, end: number, filling: Filling): Promise<void> {
  const { writer, signal, onProgress } = filling;
  // A file takes all that is left of it.
  const carried = requests.context.carries && writer.fill !== undefined && end === requests.blob.size;
  const fetched = await fetchPart(requests, { offset: writer.offset, end }, { signal, carried });
  const { offset, response } = fetched;
  if (response?.bring !== undefined) {
    const { bring, discard } = response;
    return fillRest(requests, { offset, bring, discard }, filling);
  }
  let startsOver = offset !== writer.offset;
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

/** What a carrier's answer can do with a blob. */
interface CarriedBlob extends Pick<TransportResponse, 'discard'> {
  readonly offset: number;
  readonly bring: NonNullable<TransportResponse['bring']>;
}

/** Has the carrier put the rest of a blob into the writer's file; all of it, if the registry sends all. */
async function fillRest(
  requests: BlobRequests,
  { offset, bring, discard }: CarriedBlob,
  { writer, onProgress }: Filling,
): Promise<void> {
  const { context, blob } = requests;
  const tell = (size: number): void => {
    checkTime(requests, size);
    onProgress(size);
  };
  try {
    if (offset !== writer.offset) await writer.restart();
    await writer.fill?.((file) => bring(file, tell));
  } finally {
    // So that the connection is given up if the store fails.
    await discard();
  }
  tell(writer.offset);
  if (writer.offset < blob.size) throw cutShort(context.ref, blob, writer.offset);
}

/** A server that keeps just above every other limit is not waited for any longer. */
export function checkTime({ context: { ref }, blob, budget }: BlobRequests, received: number): void {
  if (budget.isOver()) throw bodyError(ref, blob, `time was up after ${received} of ${blob.size} bytes`, false);
}
