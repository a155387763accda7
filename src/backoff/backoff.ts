import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { type BackoffOptions, type CheckedOptions, checkOptions, checkTime } from './options.js';

/**
 * What is remembered of failures: the delay, and when the last one was.
 *
 * @public
 */
export interface BackoffState {
  /** How long nothing is pulled after the last failure, in milliseconds. */
  readonly delayMs: number;
  /** When the last failure was known, in milliseconds of the clock that the caller uses. */
  readonly updatedAt: number;
}

/**
 * The delay after a failure, in a row of them.
 *
 * @public
 */
export interface BackoffStep {
  /** Which failure it is, from 1. */
  readonly failure: number;
  /** How long nothing is tried after it. */
  readonly delayMs: number;
  /** When it happens at the earliest, counted from the first failure. */
  readonly elapsedMs: number;
}

/**
 * Gives the delays when every attempt fails at once and the next follows as soon as it may.
 *
 * The real gaps are longer: a pull takes time to fail, and kubelet tries only when it syncs the pod.
 *
 * @param options - how delays grow
 * @returns the steps, without end: leave the loop
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an option that is no number in its range
 * @example
 * ```ts
 * import { planBackoff } from 'kubepull/backoff';
 *
 * for (const { failure, delayMs } of planBackoff()) {
 *   console.log(failure, delayMs); // 1 10000, 2 20000, … 6 300000, 7 300000
 *   if (failure === 7) break;
 * }
 * ```
 * @see Backoff in k8s.io/client-go util/flowcontrol/backoff.go, v0.35
 * @public
 */
export function planBackoff(options?: BackoffOptions): Generator<BackoffStep, never, void> {
  return steps(checkOptions(options));
}

function* steps(options: CheckedOptions): Generator<BackoffStep, never, void> {
  let delayMs = firstDelay(options);
  let elapsedMs = 0;
  for (let failure = 1; ; failure += 1) {
    yield { failure, delayMs, elapsedMs };
    elapsedMs += delayMs;
    delayMs = grownDelay(delayMs, options);
  }
}

/**
 * Gives the state after a failure. A success does not reset it; only time does, more than twice `maxMs` of it.
 *
 * @param previous - the state before; `undefined` at the first failure
 * @param at - when the failure was known, in milliseconds of any clock, the same for all calls
 * @param options - how delays grow
 * @returns a new state
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an option that is no number in its range, or a time that is not a number
 * @example
 * ```ts
 * import { advanceBackoff } from 'kubepull/backoff';
 *
 * const first = advanceBackoff(undefined, 0); // { delayMs: 10000, updatedAt: 0 }
 * advanceBackoff(first, 600_000).delayMs; // 20000
 * advanceBackoff(first, 600_001).delayMs; // 10000
 * ```
 * @see Backoff.Next in k8s.io/client-go util/flowcontrol/backoff.go, v0.35
 * @public
 */
export function advanceBackoff(previous: BackoffState | undefined, at: number, options?: BackoffOptions): BackoffState {
  const known = previous === undefined ? undefined : checkState(previous);
  return step(known, checkTime(at), at, checkOptions(options));
}

/**
 * Tells whether it is too early to try again.
 *
 * @param state - the state after the last failure; `undefined` for none
 * @param at - now, in milliseconds of the clock of `advanceBackoff`
 * @param options - how delays grow
 * @returns whether the delay is still running. At its very end it is not; nor is it when the state has expired
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an option that is no number in its range
 * @example
 * ```ts
 * import { isInBackoff, advanceBackoff } from 'kubepull/backoff';
 *
 * const state = advanceBackoff(undefined, 0);
 * isInBackoff(state, 9_999); // true: report ImagePullBackOff, do not pull
 * isInBackoff(state, 10_000); // false
 * ```
 * @see Backoff.IsInBackOffSinceUpdate in k8s.io/client-go util/flowcontrol/backoff.go, v0.35
 * @public
 */
export function isInBackoff(state: BackoffState | undefined, at: number, options?: BackoffOptions): boolean {
  const [checked, now] = [checkOptions(options), checkTime(at)];
  if (state === undefined) return false;
  const { delayMs, updatedAt } = checkState(state);
  return !isExpired(state, now, checked) && at - updatedAt < delayMs;
}

export function isExpired(state: BackoffState, at: number, { maxMs }: CheckedOptions): boolean {
  return at - state.updatedAt > 2 * maxMs;
}

/** The step of one key: the age is judged at `at`, the new state counts from `now`. */
export function step(
  previous: BackoffState | undefined,
  at: number,
  now: number,
  options: CheckedOptions,
): BackoffState {
  const isNew = previous === undefined || isExpired(previous, at, options);
  return { delayMs: isNew ? firstDelay(options) : grownDelay(previous.delayMs, options), updatedAt: now };
}

/** A state that was saved and read again may have lost its numbers; one without them would never hold anything back. */
export function checkState(state: BackoffState): BackoffState {
  check('Cannot back off', { state }, { state: is.shape({ delayMs: is.numberFrom(0), updatedAt: is.finite }) });
  return { delayMs: state.delayMs, updatedAt: state.updatedAt };
}

function firstDelay(options: CheckedOptions): number {
  return options.initialMs + chance(options.initialMs, options);
}

function grownDelay(delayMs: number, options: CheckedOptions): number {
  return Math.min(delayMs * options.factor + chance(delayMs, options), options.maxMs);
}

function chance(delayMs: number, { jitter, random }: CheckedOptions): number {
  return jitter === 0 ? 0 : random() * jitter * delayMs;
}
