import type { Clock } from '../clock/index.js';
import type { OpenedBlob } from '../distribution/index.js';
import { openBlobWithin, type RefreshBudget } from '../distribution/inner.js';
import { type AnyImageError, TransportError } from '../errors/index.js';
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
  if (writer.offset < fetched.end) throw cutShort(requests, writer.offset);
}

/** A body that ends early looks like success on a connection that tells no length. */
export function cutShort(requests: BlobRequests, received: number): TransportError {
  return bodyError(requests, `it ended after ${received} of ${requests.blob.size} bytes`, true);
}

/** A server that keeps just above every other limit is not waited for any longer. */
export function checkTime(requests: BlobRequests, received: number): void {
  if (requests.budget.isOver())
    throw bodyError(requests, `time was up after ${received} of ${requests.blob.size} bytes`, false);
}

function bodyError({ context: { ref }, blob }: BlobRequests, reason: string, retryable: boolean): TransportError {
  return new TransportError(`Cannot read blob ${blob.digest} of ${ref.name}: ${reason}`, {
    method: 'GET',
    url: `/v2/${ref.path}/blobs/${blob.digest}`,
    phase: 'body',
    retryable,
  });
}

/** Requests that fail before their body are repeated by the session; doing so here as well would multiply them. */
export function isCut(error: AnyImageError): boolean {
  return error.code === 'ERR_TRANSPORT' && error.phase === 'body' && error.retryable;
}

/** Times in a row that one blob is asked for without much progress between, and times in all. */
const MAX_ATTEMPTS = 5;
const MAX_ATTEMPTS_IN_ALL = 20;
/** How much has to come, this or a tenth of the blob, for a server to be worth as many attempts again. */
const PROGRESS_BYTES = 1024 * 1024;
const PROGRESS_SHARE = 0.1;
/** How long attempts may go on without that much progress, however slowly each of them dies. */
const MAX_FRUITLESS_MS = 10 * 60_000;
const FIRST_PAUSE_MS = 500;
/** How long one blob may take in all, however well it goes on. */
const MAX_TOTAL_MS = 6 * 60 * 60_000;
/** Tokens that are replaced during one blob because the registry takes them no more. */
const MAX_REFRESHES = 2;

/** What all requests for one blob may take together. */
export interface BlobBudget {
  readonly clock: Clock;
  readonly random: () => number;
  /** Token refreshes that are left. */
  readonly refreshes: RefreshBudget;
  /** Whether the time is over. */
  isOver(): boolean;
  /** Takes one more request that follows a cut; false when there is none left. */
  takeAttempt(): boolean;
  /** From now on nothing is left: what one part cannot get is not worth asking for as a part of more. */
  giveUp(): void;
}

export function createBlobBudget(clock: Clock, random: () => number): BlobBudget {
  const until = clock.monotonic() + MAX_TOTAL_MS;
  const isOver = (): boolean => clock.monotonic() > until;
  let attempts = 1;
  return {
    clock,
    random,
    refreshes: { left: MAX_REFRESHES },
    isOver,
    takeAttempt() {
      attempts += 1;
      return attempts <= MAX_ATTEMPTS_IN_ALL && !isOver();
    },
    giveUp() {
      attempts = MAX_ATTEMPTS_IN_ALL;
    },
  };
}

/** Decides whether a blob, or a range of one, that was cut is worth another request. */
export interface DownloadRetries {
  /** Milliseconds to wait before the next request; `undefined` when there is to be none. */
  pauseAfter(offset: number): number | undefined;
  /** What came before was wrong: from now on progress is counted from the first byte. */
  startOver(): void;
}

/**
 * A server that gives one byte and hangs up makes progress for ever, so only real progress earns new attempts, and none
 * earns more than there are in all. Bytes that came before count no second time.
 */
export function planRetries(
  { size, offset }: { readonly size: number; readonly offset: number },
  { clock, random, takeAttempt, giveUp }: BlobBudget,
): DownloadRetries {
  const enough = Math.min(PROGRESS_BYTES, size * PROGRESS_SHARE);
  let [furthest, since, attempts] = [offset, clock.monotonic(), 0];
  return {
    pauseAfter(reached) {
      attempts += 1;
      if (reached - furthest >= enough) [furthest, since, attempts] = [reached, clock.monotonic(), 1];
      const fruitless = attempts >= MAX_ATTEMPTS || clock.monotonic() - since > MAX_FRUITLESS_MS;
      if (fruitless || !takeAttempt()) {
        giveUp();
        return undefined;
      }
      // With jitter, so that those whom a server cut off together do not come back together.
      return FIRST_PAUSE_MS * 2 ** (attempts - 1) * (0.5 + random() / 2);
    },
    startOver() {
      furthest = 0;
    },
  };
}
