import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { randomFraction } from '../internal/index.js';

/** The delay after the first failure of an image pull, in milliseconds. @public */
export const DEFAULT_INITIAL_MS = 10_000;

/** The longest delay between image pulls, in milliseconds. @public */
export const DEFAULT_MAX_MS = 300_000;

/** By how much the delay grows with each failure. @public */
export const DEFAULT_FACTOR = 2;

/**
 * How delays grow. The defaults are those of kubelet's image pulls.
 *
 * @public
 */
export interface BackoffOptions {
  /**
   * The first delay, in milliseconds.
   *
   * @defaultValue {@link DEFAULT_INITIAL_MS}
   */
  readonly initialMs?: number | undefined;
  /**
   * The longest delay, in milliseconds. It bounds what grows: a greater `initialMs` is used once as it is. A key that
   * did not fail for more than twice as long starts anew.
   *
   * @defaultValue {@link DEFAULT_MAX_MS}
   */
  readonly maxMs?: number | undefined;
  /**
   * By how much each failure multiplies the delay, at least 1.
   *
   * @defaultValue {@link DEFAULT_FACTOR}
   */
  readonly factor?: number | undefined;
  /**
   * The greatest part of the old delay that is added at random; 0 for none, as kubelet pulls images.
   *
   * @defaultValue `0`
   */
  readonly jitter?: number | undefined;
  /**
   * Where chance comes from: numbers from 0 up to, but not including, 1. Not called without jitter.
   *
   * @defaultValue the platform's `crypto`
   */
  readonly random?: (() => number) | undefined;
}

/** Options that are checked and whole. */
export type CheckedOptions = { readonly [K in keyof BackoffOptions]-?: NonNullable<BackoffOptions[K]> };

export function checkOptions(options: BackoffOptions = {}): CheckedOptions {
  check<BackoffOptions>('Cannot back off', options, {
    initialMs: is.optional(is.numberFrom(0)),
    maxMs: is.optional(is.numberFrom(0)),
    factor: is.optional(is.numberFrom(1)),
    jitter: is.optional(is.numberFrom(0)),
    random: is.optional(is.callable),
  });
  return {
    initialMs: options.initialMs ?? DEFAULT_INITIAL_MS,
    maxMs: options.maxMs ?? DEFAULT_MAX_MS,
    factor: options.factor ?? DEFAULT_FACTOR,
    jitter: options.jitter ?? 0,
    random: options.random ?? randomFraction,
  };
}

/** A point of time must be a number; NaN would hold a key for ever. */
export function checkTime(at: number): number {
  check('Cannot back off', { at }, { at: is.finite });
  return at;
}
