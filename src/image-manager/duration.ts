/**
 * A duration as Go prints it, cut to whole milliseconds: `626ms`, `1.893s`, `1m2.5s`, `1h0m0.25s`.
 *
 * @param ms - milliseconds; negative counts as 0
 * @returns the text that kubelet's events show
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
  const whole = Math.max(0, Math.trunc(ms));
  if (whole === 0) return '0s';
  if (whole < 1000) return `${whole}ms`;
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor(whole / 60_000) % 60;
  const seconds = (whole % 60_000) / 1000;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
