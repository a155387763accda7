import { trimEnd } from './space.js';
import { encodeUtf8 } from './utf8.js';

/** Nanoseconds in each unit. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const PART = /^(\d*)(?:\.(\d*))?/;
const MAX_FRACTION = 18;
/** One more than 63 bits hold, which is also how many nanoseconds; in digits, so that a bundle without durations drops it. */
const TOO_MANY = 9_223_372_036_854_775_808n;

/**
 * A duration as Go writes it, such as `12h`, `1m30s` or `-1.5h`.
 *
 * @returns nanoseconds, or Go's text for what is wrong
 * @see ParseDuration in Go's time package
 */
export function parseGoDuration(text: string): bigint | string {
  const invalid = `time: invalid duration ${quoteBytes(text)}`;
  const [, sign = '', body = ''] = /^([-+]?)(.*)$/s.exec(text) ?? [];
  if (body === '0') return 0n;
  if (body === '') return invalid;
  let total = 0n;
  for (let rest = body; rest !== '';) {
    const [number = '', whole = '', fraction = ''] = PART.exec(rest) ?? [];
    if (whole === '' && fraction === '') return invalid;
    if (BigInt(whole) > TOO_MANY) return invalid;
    rest = rest.slice(number.length);
    const [unit = ''] = /^[^.\d]*/.exec(rest) ?? [];
    if (unit === '') return `time: missing unit in duration ${quoteBytes(text)}`;
    const factor = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
    if (factor === undefined) return `time: unknown unit ${quoteBytes(unit)} in duration ${quoteBytes(text)}`;
    total += BigInt(whole) * BigInt(factor) + fractionOf(fraction, factor);
    if (total > TOO_MANY) return invalid;
    rest = rest.slice(unit.length);
  }
  if (sign === '-') return -total;
  return total === TOO_MANY ? invalid : total;
}

/** In Go's floating point, which has no more digits than these. */
function fractionOf(digits: string, factor: number): bigint {
  const used = digits.slice(0, MAX_FRACTION);
  return BigInt(Math.trunc(Number(used) * (factor / 10 ** used.length)));
}

/** Milliseconds, with what is left of nanoseconds behind the point. */
export function durationMs(nanoseconds: bigint): number {
  return Number(nanoseconds) / 1e6;
}

/**
 * A duration as Go prints it: `1h0m30s`, `1.5s`, `626ms`, `2µs`.
 *
 * @see Duration.String in Go's time package
 */
export function printGoDuration(nanoseconds: bigint): string {
  if (nanoseconds < 0n) return `-${printGoDuration(-nanoseconds)}`;
  const small = (
    [
      ['ns', 1_000n, 0],
      ['µs', 1_000_000n, 3],
      ['ms', 1_000_000_000n, 6],
    ] as const
  ).find(([, end]) => nanoseconds < end);
  if (nanoseconds === 0n) return '0s';
  if (small !== undefined) return `${withPoint(nanoseconds, small[2])}${small[0]}`;
  const minutes = nanoseconds / 60_000_000_000n;
  const seconds = `${withPoint(nanoseconds % 60_000_000_000n, 9)}s`;
  if (minutes === 0n) return seconds;
  return minutes < 60n ? `${minutes}m${seconds}` : `${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** A number with so many digits behind the point, but for zeros at the end. */
function withPoint(value: bigint, digits: number): string {
  const text = value.toString().padStart(digits + 1, '0');
  const at = text.length - digits;
  return trimEnd(trimEnd(`${text.slice(0, at)}.${text.slice(at)}`, '0'), '.');
}

/** The quotes of Go's time package, which are not `%q`: every byte that is not plain ASCII shows in hex. */
function quoteBytes(text: string): string {
  const shown = Array.from(encodeUtf8(text), (byte) => {
    const character = String.fromCharCode(byte);
    if (byte < 0x20 || byte > 0x7f) return `\\x${byte.toString(16).padStart(2, '0')}`;
    return character === '"' || character === '\\' ? `\\${character}` : character;
  });
  return `"${shown.join('')}"`;
}
