import { decodeRune } from './bytes.js';

/** One step of a compiled pattern: a byte, any character, any run of bytes, a character class, or a malformed rest. */
export type GlobToken = number | '?' | '*' | GlobClass | 'malformed';

interface GlobClass {
  readonly negated: boolean;
  readonly ranges: readonly (readonly [low: number, high: number])[];
}

/**
 * Reads a pattern, given as a byte string, into steps.
 *
 * Go checks a pattern from star to star, each part as a whole and only when the match gets that far. So a malformed part
 * becomes one step in the place where the part begins.
 */
export function compileGlob(pattern: string): readonly GlobToken[] {
  const tokens: GlobToken[] = [];
  for (let at = 0; at < pattern.length;) {
    const read = readToken(pattern, at);
    if (read === undefined) return [...tokens.slice(0, tokens.lastIndexOf('*') + 1), 'malformed'];
    tokens.push(read.token);
    at = read.end;
  }
  return tokens;
}

interface ReadToken {
  readonly token: GlobToken;
  readonly end: number;
}

function readToken(pattern: string, at: number): ReadToken | undefined {
  const character = pattern.charAt(at);
  if (character === '[') return readClass(pattern, at + 1);
  if (character === '*' || character === '?') return { token: character, end: at + 1 };
  const literal = character === '\\' ? at + 1 : at;
  return literal === pattern.length ? undefined : { token: pattern.charCodeAt(literal), end: literal + 1 };
}

/** Reads a class from behind its opening bracket. */
function readClass(pattern: string, start: number): ReadToken | undefined {
  const negated = pattern[start] === '^';
  const ranges: (readonly [number, number])[] = [];
  let at = negated ? start + 1 : start;
  while (pattern[at] !== ']' || ranges.length === 0) {
    const low = readClassRune(pattern, at);
    if (low === undefined) return undefined;
    const high = pattern[low.end] === '-' ? readClassRune(pattern, low.end + 1) : low;
    if (high === undefined) return undefined;
    ranges.push([low.rune, high.rune]);
    at = high.end;
  }
  return { token: { negated, ranges }, end: at + 1 };
}

function readClassRune(pattern: string, start: number): { readonly rune: number; readonly end: number } | undefined {
  const first = pattern[start];
  if (first === '-' || first === ']') return undefined;
  const at = first === '\\' ? start + 1 : start;
  const [rune, width] = decodeRune(pattern, at);
  const end = at + width;
  // A class that nothing follows is not closed; a byte that is not UTF-8 cannot stand in one.
  return end >= pattern.length || (rune === 0xfffd && width === 1) ? undefined : { rune, end };
}
