import { checkText } from './options.js';

/**
 * The outcome of {@link matchGlob}; `bad-pattern` is Go's `ErrBadPattern`.
 *
 * @public
 */
export type GlobResult = 'match' | 'no-match' | 'bad-pattern';

const STAR = 0x2a;
const SLASH = 0x2f;
const QUESTION_MARK = 0x3f;
const BRACKET = 0x5b;
const BACKSLASH = 0x5c;

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
 * import { matchGlob } from 'kubepull/match';
 *
 * matchGlob('app*', 'app5'); // 'match'
 * matchGlob('[', 'app5'); // 'bad-pattern'
 * ```
 * @see Match in Go src/path/filepath/match.go
 * @public
 */
export function matchGlob(pattern: string, name: string): GlobResult {
  checkText(pattern);
  checkText(name);
  return matchText(pattern, name);
}

/** The same for what is known to be text. */
export function matchText(pattern: string, name: string): GlobResult {
  // What nearly all labels of a key are: one star, or the label itself.
  if (pattern === '*' ? !name.includes('/') : pattern === name && isPlain(pattern)) return 'match';
  if (matchPlain(pattern, name)) return 'match';
  return isPlain(pattern) ? 'no-match' : matchRunes(pattern, name);
}

/**
 * Whether a pattern of stars and ASCII matches, as most labels of a key are; `false` also where it meets another step. Such a
 * pattern is never malformed, and its stars need not know where the characters of a name end.
 */
function matchPlain(pattern: string, name: string): boolean {
  let step = 0;
  let at = 0;
  let afterStar = 0;
  let starEnd = 0;
  while (step < pattern.length || at < name.length) {
    // Behind its end a text gives NaN, which equals nothing.
    const code = pattern.charCodeAt(step);
    if (code === STAR) {
      step += 1;
      afterStar = step;
      starEnd = at;
    } else if (code === name.charCodeAt(at) && !needsRunes(code)) {
      step += 1;
      at += 1;
    } else {
      if (afterStar === 0 || starEnd >= name.length || name.charCodeAt(starEnd) === SLASH) return false;
      starEnd += 1;
      step = afterStar;
      at = starEnd;
    }
  }
  return true;
}

function isPlain(pattern: string): boolean {
  for (let at = 0; at < pattern.length; at += 1) {
    if (needsRunes(pattern.charCodeAt(at))) return false;
  }
  return true;
}

function needsRunes(code: number): boolean {
  // Most are small letters, which stand behind all others.
  return code > BACKSLASH ? code > 0x7f : code === QUESTION_MARK || code === BRACKET || code === BACKSLASH;
}

/** The matcher for all texts. */
export function matchRunes(pattern: string, name: string): GlobResult {
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

/** One step of a compiled pattern: a character, any character, any run of bytes, a class, or a malformed rest. */
type GlobStep = number | '?' | '*' | GlobClass | 'malformed';

interface GlobClass {
  readonly negated: boolean;
  readonly ranges: readonly (readonly [low: number, high: number])[];
}

/** A class whose ranges are complete, an escaped character, or a character that needs no escape. */
const TOKEN = /\[(?:\^|(?!\^))(?:(?:\\.|[^\\\]\-\udc80-\udcff])(?:-(?:\\.|[^\\\]\-\udc80-\udcff]))?)+\]|\\.|[^\\[]/gsuy;
const RANGE = /\\?(.)(?:-\\?(.))?/gsu;

/**
 * Reads a pattern into steps.
 *
 * Go checks a pattern from star to star, each part as a whole and only when the match gets that far. So a malformed part
 * becomes one step in the place where the part begins.
 */
function compileGlob(pattern: string): readonly GlobStep[] {
  const tokens = pattern.match(TOKEN) ?? [];
  const steps = tokens.map(toStep);
  if (tokens.join('') === pattern) return steps;
  return [...steps.slice(0, steps.lastIndexOf('*') + 1), 'malformed'];
}

function toStep(token: string): GlobStep {
  if (token === '*' || token === '?') return token;
  if (token.startsWith('\\')) return runeOf(token.slice(1));
  if (!token.startsWith('[')) return runeOf(token);
  const negated = token[1] === '^';
  const ranges = Array.from(token.slice(negated ? 2 : 1, -1).matchAll(RANGE), ([, low = '', high = low]) => {
    return [runeOf(low), runeOf(high)] as const;
  });
  return { negated, ranges };
}

function runeOf(character: string): number {
  return runesOf(character)[0] ?? 0;
}

/**
 * A Go string as Go's glob sees it, byte by byte: the code point where one starts, and a negative number for the other
 * bytes of a character and for one that is not UTF-8, see `decodeUtf8`.
 */
function runesOf(text: string): readonly number[] {
  const runes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const rune = code >= 0xdc80 && code <= 0xdcff ? -code : code;
    runes.push(rune);
    for (let rest = widthOf(rune); rest > 1; rest -= 1) runes.push(-1);
  }
  return runes;
}

/** How many bytes a rune takes in UTF-8. */
function widthOf(rune: number): number {
  return rune < 0x80 ? 1 : rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
}
