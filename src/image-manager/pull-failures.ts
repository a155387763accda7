import { type BackoffOptions, createBackoffTracker } from '../backoff/index.js';
import type { Clock } from '../clock/index.js';
import type { Waiting } from './waiting.js';

/** Kubelet looks for keys that have expired after every success; so often is enough, since they mean nothing by then. */
const SWEEP_EVERY_MS = 60_000;

/** A pull that may not be tried yet. */
export interface BackOff {
  /** How the last attempt ended. */
  readonly previous: Waiting | undefined;
  readonly retryAfterMs: number;
}

/** The pulls that failed, by pod and image. */
export interface PullFailures {
  readonly size: number;
  /** `undefined` when a key is not in back-off. */
  backOff(key: string): BackOff | undefined;
  /** Forgets how the last attempt of a key ended, but not that it failed. */
  retry(key: string): void;
  /** Notes a failure, and tells how long nothing is tried after it. */
  add(key: string, ended: Waiting): number;
  /** Forgets what has expired. A success does not reset its own key. */
  sweep(): void;
}

/** Kubelet's two maps, back-off and error texts, kept together: a text is shown in back-off only, and dies with it. */
export function createPullFailures(options: BackoffOptions | undefined, clock: Clock): PullFailures {
  const backoff = createBackoffTracker({ ...options, clock });
  const texts = new Map<string, Waiting>();
  let sweptAt = clock.monotonic();
  const sweep = (): void => {
    if (clock.monotonic() - sweptAt < SWEEP_EVERY_MS) return;
    sweptAt = clock.monotonic();
    if (backoff.gc() === 0) return;
    for (const key of texts.keys()) if (!backoff.state.has(key)) texts.delete(key);
  };
  return {
    get size() {
      return backoff.size;
    },
    backOff(key) {
      const now = clock.monotonic();
      const state = backoff.state.get(key);
      if (state === undefined || !backoff.isInBackoffSinceUpdate(key, now)) return undefined;
      return { previous: texts.get(key), retryAfterMs: state.updatedAt + state.delayMs - now };
    },
    retry(key) {
      texts.delete(key);
    },
    add(key, ended) {
      // Where nothing ever succeeds kubelet keeps all keys.
      sweep();
      texts.set(key, ended);
      return backoff.next(key).delayMs;
    },
    sweep,
  };
}
