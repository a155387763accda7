import { byteString, decodeRune } from './bytes.js';
import { compileGlob, type GlobToken } from './glob-tokens.js';

/**
 * The outcome of {@link globMatch}; `bad-pattern` is Go's `ErrBadPattern`.
 *
 * @public
 */
export type GlobResult = 'match' | 'no-match' | 'bad-pattern';

const SLASH = 0x2f;

/**
 * Matches a name against a shell pattern exactly as Go's `filepath.Match` does on Linux.
 *
 * `*` is any run of characters, `?` one character, `[a-c]` and `[^a-c]` a character class, `\x` the character x. `*` and
 * `?` never match a slash; a class can. As in Go, a malformed pattern is noticed when the match reaches the part between
 * two stars that has the fault, also when that part mismatches before the fault. The work grows with the product of both
 * lengths at worst: after a mismatch only the last star is tried again, never an earlier one.
 *
 * @param pattern - the pattern
 * @param name - the text to match, all of it
 * @returns whether it matches, or that the pattern is malformed
 * @example
 * ```ts
 * import { globMatch } from 'kubepull/match';
 *
 * globMatch('app*', 'app5'); // 'match'
 * globMatch('[', 'app5'); // 'bad-pattern'
 * ```
 * @see Match in Go src/path/filepath/match.go
 * @public
 */
export function globMatch(pattern: string, name: string): GlobResult {
  const tokens = compileGlob(byteString(pattern));
  return matchTokens(tokens, byteString(name));
}

/**
 * Two pointers walk the pattern and the name; a star remembers where it stood, and a mismatch lets it take one byte more.
 * One byte, not one character: so does Go, and a `?` after a star can therefore match a part of a character.
 */
function matchTokens(tokens: readonly GlobToken[], name: string): GlobResult {
  let token = 0;
  let at = 0;
  let afterStar = -1;
  let starEnd = 0;
  // Every step but a star takes a byte at least; a star that leaves too few for the rest need not be tried.
  let needed = tokens.filter((step) => step !== '*' && step !== 'malformed').length;
  let neededAfterStar = 0;
  while (token < tokens.length || at < name.length) {
    const step = tokens[token];
    if (step === 'malformed') return 'bad-pattern';
    const width = step === undefined || step === '*' || at >= name.length ? 0 : matchedWidth(step, name, at);
    if (step === '*') {
      token += 1;
      [afterStar, starEnd, neededAfterStar] = [token, at, needed];
    } else if (width > 0) {
      token += 1;
      at += width;
      needed -= 1;
    } else {
      if (afterStar < 0 || name.charCodeAt(starEnd) === SLASH) return 'no-match';
      starEnd += 1;
      if (name.length - starEnd < neededAfterStar) return 'no-match';
      [token, at, needed] = [afterStar, starEnd, neededAfterStar];
    }
  }
  return 'match';
}

/** How many bytes one token takes at a place of the name; 0 when it does not match there. */
function matchedWidth(token: Exclude<GlobToken, '*' | 'malformed'>, name: string, at: number): number {
  if (typeof token === 'number') return name.charCodeAt(at) === token ? 1 : 0;
  const [rune, width] = decodeRune(name, at);
  if (token === '?') return rune === SLASH ? 0 : width;
  const isInside = token.ranges.some(([low, high]) => low <= rune && rune <= high);
  return isInside === token.negated ? 0 : width;
}
