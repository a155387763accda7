import type { Clock } from '../clock/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { type BackoffState, checkState, isExpired, step } from './backoff.js';
import { type BackoffOptions, checkOptions, checkTime } from './options.js';

/**
 * How a {@link BackoffTracker} works.
 *
 * @public
 */
export interface BackoffTrackerOptions extends BackoffOptions {
  /** Whose `monotonic()` all times are of, so that jumps of the wall clock change nothing. */
  readonly clock: Pick<Clock, 'monotonic'>;
  /** A state to go on with: what {@link BackoffTracker.state} was, on the same clock. It is copied. */
  readonly state?: Iterable<readonly [string, BackoffState]> | undefined;
}

/**
 * Back-off by key. Kubelet's key for an image pull is the pod's UID, `_`, and the image as written.
 *
 * Every `at` is a time of the clock's `monotonic()`, and now when it is left out. Keys may be any text.
 *
 * @public
 */
export interface BackoffTracker {
  /** Notes a failure; whether the key has expired is judged at `at`, the new delay counts from now. */
  next(key: string, at?: number): BackoffState;
  /** The delay of a key in milliseconds, 0 for none; whether it has expired does not matter. */
  get(key: string): number;
  /** Whether `at` lies within the delay after the key's last failure. */
  isInBackoffSinceUpdate(key: string, at?: number): boolean;
  /** Whether the delay is still running if it began at `at`. */
  isInBackoffSince(key: string, at: number): boolean;
  /** Forgets the keys that have expired, and tells how many. Nothing else does: kubelet calls it after each success. */
  gc(): number;
  /** Forgets a key, which then starts anew. */
  reset(key: string): void;
  /** Forgets a key, and tells whether it was known. */
  delete(key: string): boolean;
  /** How many keys are remembered. */
  readonly size: number;
  /** Everything remembered, live; to save it, copy it. */
  readonly state: ReadonlyMap<string, BackoffState>;
}

/**
 * Creates a tracker of failures by key, with the behaviour of client-go's `flowcontrol.Backoff`.
 *
 * @param options - the clock, how delays grow, and a state to go on with
 * @returns the tracker
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an option that is no number in its range; its methods throw the
 * same for a time that is none
 * @example
 * ```ts
 * import { createBackoffTracker } from 'kubepull/backoff';
 * import { systemClock } from 'kubepull/clock';
 *
 * const pulls = createBackoffTracker({ clock: systemClock });
 * const key = `${'d3e5f1a0'}_${'registry.example.com/app:1'}`;
 * if (!pulls.isInBackoffSinceUpdate(key)) pulls.next(key); // the pull was tried and failed
 * pulls.get(key); // 10000
 * ```
 * @see Backoff in k8s.io/client-go util/flowcontrol/backoff.go, v0.35
 * @public
 */
export function createBackoffTracker(options: BackoffTrackerOptions): BackoffTracker {
  check('Cannot back off', { options }, { options: is.object });
  const checked = checkOptions(options);
  const { clock, state } = options;
  check('Cannot back off', { clock, state }, { clock: is.monotonicClock, state: is.optional(is.iterable) });
  const now = (): number => checkTime(clock.monotonic());
  const entries = new Map(Array.from(state ?? [], checkEntry));
  const live = (key: string, at: number): BackoffState | undefined => {
    const entry = entries.get(checkKey(key));
    const time = checkTime(at);
    return entry === undefined || isExpired(entry, time, checked) ? undefined : entry;
  };

  return {
    next(key, at = now()) {
      checkKey(key);
      const entry = step(entries.get(key), checkTime(at), now(), checked);
      entries.set(key, entry);
      return entry;
    },
    get: (key) => entries.get(checkKey(key))?.delayMs ?? 0,
    isInBackoffSinceUpdate(key, at = now()) {
      const entry = live(key, at);
      return entry !== undefined && at - entry.updatedAt < entry.delayMs;
    },
    isInBackoffSince(key, at) {
      const entry = live(key, at);
      return entry !== undefined && now() - at < entry.delayMs;
    },
    gc() {
      const [before, at] = [entries.size, now()];
      for (const [key, entry] of entries) if (isExpired(entry, at, checked)) entries.delete(key);
      return before - entries.size;
    },
    reset(key) {
      entries.delete(checkKey(key));
    },
    delete: (key) => entries.delete(checkKey(key)),
    get size() {
      return entries.size;
    },
    state: entries,
  };
}

function checkKey(key: string): string {
  check('Cannot back off', { key }, { key: is.text });
  return key;
}

function checkEntry(entry: readonly [string, BackoffState]): [string, BackoffState] {
  check('Cannot back off', { state: entry }, { state: is.listOf(is.anything) });
  return [checkKey(entry[0]), checkState(entry[1])];
}
