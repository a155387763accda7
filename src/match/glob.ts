import { compileGlob, type GlobClass, type GlobStep } from './compile-glob.js';
import { checkText } from './options.js';
import { runesOf, widthOf } from './runes.js';

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
  checkText(pattern);
  checkText(name);
  const steps = compileGlob(pattern);
  const runes = runesOf(name);
  let step = 0;
  let at = 0;
  let afterStar = 0;
  let starEnd = 0;
  // Every step but a star takes a byte at least; a star that leaves too few for the rest need not be tried.
  let needed = steps.filter((one) => one !== '*' && one !== 'malformed').length;
  let neededAfterStar = 0;
  while (step < steps.length || at < runes.length) {
    const current = steps[step];
    if (current === 'malformed') return 'bad-pattern';
    const width = current === '*' ? 0 : widthOfMatch(current, runes, at);
    if (current === '*') {
      step += 1;
      [afterStar, starEnd, neededAfterStar] = [step, at, needed];
    } else if (width > 0) {
      step += 1;
      at += width;
      needed -= 1;
    } else {
      // The star takes one byte more. One byte, not one character: in Go a step behind it can match a part of one.
      if (afterStar === 0 || runes[starEnd] === SLASH) return 'no-match';
      starEnd += 1;
      if (runes.length - starEnd < neededAfterStar) return 'no-match';
      [step, at, needed] = [afterStar, starEnd, neededAfterStar];
    }
  }
  return 'match';
}

/** How many bytes a step takes at a place of the name; 0 when it does not match there. */
function widthOfMatch(
  step: Exclude<GlobStep, '*' | 'malformed'> | undefined,
  runes: readonly number[],
  at: number,
): number {
  const rune = runes[at];
  if (step === undefined || rune === undefined) return 0;
  const isMatch =
    typeof step === 'number'
      ? step === rune
      : step === '?'
        ? rune !== SLASH
        : isInClass(step, rune < 0 ? 0xfffd : rune);
  return isMatch ? widthOf(rune) : 0;
}

function isInClass({ ranges, negated }: GlobClass, rune: number): boolean {
  return ranges.some(([low, high]) => low <= rune && rune <= high) !== negated;
}
