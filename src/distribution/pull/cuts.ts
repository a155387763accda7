// Bodies that broke off: what says so, and how often and when the rest of a blob is asked for.
import type { Clock } from '../../clock/index.js';
import { ContentMismatchError, TransportError } from '../../errors/index.js';
import type { Descriptor } from '../../oci/index.js';
import type { ImageReference } from '../../reference/index.js';
import type { RefreshBudget } from '../session/request.js';
import type { FollowedResponse } from '../transport/transport.js';

/** The error of a body that is no use. */
export function bodyError(ref: ImageReference, blob: Descriptor, reason: string, retryable: boolean): TransportError {
  return new TransportError(`Cannot read blob ${blob.digest} of ${ref.name}: ${reason}`, {
    method: 'GET',
    url: `/v2/${ref.path}/blobs/${blob.digest}`,
    phase: 'body',
    retryable,
  });
}

/** A body that ends early looks like success on a connection that tells no length. */
export function cutShort(ref: ImageReference, blob: Descriptor, received: number): TransportError {
  return bodyError(ref, blob, `it ended after ${received} of ${blob.size} bytes`, true);
}

/** The error of a document that came short of its size, and not for good. */
export function documentCut({ shown: url }: FollowedResponse, { size }: Descriptor, received: number): TransportError {
  const failure = { method: 'GET', url, phase: 'body', retryable: true } as const;
  return new TransportError(`Cannot read ${url}: it ended after ${received} of ${size} bytes`, failure);
}

/** The error of a document that has another size than what leads to it says. */
export function wrongSize({ shown }: FollowedResponse, expected: Descriptor, size: number): ContentMismatchError {
  const amount = size > expected.size ? `more than its ${expected.size}` : `${size} of its ${expected.size}`;
  const mismatch = { expected, actual: { digest: undefined, size } };
  return new ContentMismatchError(`Cannot read ${shown}: it has ${amount} bytes`, mismatch);
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
