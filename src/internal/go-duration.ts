import { goQuote } from './go-quote.js';

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
/** What 63 bits of nanoseconds hold. */
const MAX_MS = 2 ** 63 / 1e6;

/**
 * A duration as Go writes it, such as `12h`, `1m30s` or `-1.5h`.
 *
 * @returns milliseconds, or Go's text for what is wrong
 * @see ParseDuration in Go's time package
 */
export function parseGoDuration(text: string): number | string {
  const invalid = `time: invalid duration ${goQuote(text)}`;
  const [, sign = '', body = ''] = /^([-+]?)(.*)$/s.exec(text) ?? [];
  if (body === '0') return 0;
  if (body === '') return invalid;
  let total = 0;
  for (let rest = body; rest !== '';) {
    const [number = '', whole = '', fraction = ''] = PART.exec(rest) ?? [];
    if (whole === '' && fraction === '') return invalid;
    rest = rest.slice(number.length);
    const [unit = ''] = /^[^.\d]*/.exec(rest) ?? [];
    if (unit === '') return `time: missing unit in duration ${goQuote(text)}`;
    const factor = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
    if (factor === undefined) return `time: unknown unit ${goQuote(unit)} in duration ${goQuote(text)}`;
    total += Number(`${whole || '0'}.${fraction || '0'}`) * factor;
    rest = rest.slice(unit.length);
  }
  if (total >= MAX_MS) return invalid;
  return sign === '-' ? -total : total;
}
