import { encodeUtf8 } from './utf8.js';

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /^(\d*)(?:\.(\d*))?/;
/** What 63 bits hold, which is also how many nanoseconds; in digits, so that a bundle without durations drops it. */
const MAX_COUNT = 9_223_372_036_854_775_808;

/**
 * A duration as Go writes it, such as `12h`, `1m30s` or `-1.5h`.
 *
 * @returns milliseconds, or Go's text for what is wrong
 * @see ParseDuration in Go's time package
 */
export function parseGoDuration(text: string): number | string {
  const invalid = `time: invalid duration ${quoteBytes(text)}`;
  const [, sign = '', body = ''] = /^([-+]?)(.*)$/s.exec(text) ?? [];
  if (body === '0') return 0;
  if (body === '') return invalid;
  let total = 0;
  for (let rest = body; rest !== '';) {
    const [number = '', whole = '', fraction = ''] = PART.exec(rest) ?? [];
    if ((whole === '' && fraction === '') || Number(whole) > MAX_COUNT) return invalid;
    rest = rest.slice(number.length);
    const [unit = ''] = /^[^.\d]*/.exec(rest) ?? [];
    if (unit === '') return `time: missing unit in duration ${quoteBytes(text)}`;
    const factor = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
    if (factor === undefined) return `time: unknown unit ${quoteBytes(unit)} in duration ${quoteBytes(text)}`;
    total += Number(`${whole || '0'}.${fraction || '0'}`) * factor;
    if (total >= MAX_COUNT / 1e6) return invalid;
    rest = rest.slice(unit.length);
  }
  return sign === '-' ? -total : total;
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
