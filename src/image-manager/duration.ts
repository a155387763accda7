import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { printGoDuration } from '../internal/index.js';

/**
 * A duration as Go prints it, cut to whole milliseconds: `626ms`, `1.893s`, `1m2.5s`, `1h0m0.25s`.
 *
 * @param ms - milliseconds; negative counts as 0
 * @returns the text that kubelet's events show
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is not a number
 * @example
 * ```ts
 * import { formatGoDuration } from 'kubepull/image-manager';
 *
 * formatGoDuration(62_500); // '1m2.5s'
 * ```
 * @see Duration.String in Go's time package
 * @public
 */
export function formatGoDuration(ms: number): string {
  check('Cannot print a duration', { ms }, { ms: is.finite });
  return printGoDuration(BigInt(Math.max(0, Math.trunc(ms))) * 1_000_000n);
}
