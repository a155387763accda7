import picomatch from 'picomatch/posix.js';
import { ImageError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import type { DecidingRule, RuleSubject } from './types.js';

/** A rule, ready to be tried on names. */
export interface CompiledRule {
  readonly rule: DecidingRule;
  matches(name: string): boolean;
}

const MAX_PATTERN = 1024;
/** DNS allows a host of 253 characters, and a port adds 6; a path has 255 at most. */
const MAX_HOST = 259;
const MAX_NAME = MAX_HOST + 1 + 255;
/**
 * picomatch makes a backtracking regular expression of a pattern. Each star that has another one in its segment, and each
 * double star behind the first, multiplies the ways to try by the length of a segment. With two, and names no longer than
 * the limits above, the slowest takes some 20 ms.
 */
const MAX_FREE_STARS = 2;

/**
 * Compiles one rule.
 *
 * @throws ImageError `ERR_OPTION_INVALID` for a pattern that cannot match any name, or that a hostile name could make slow
 */
export function compileRule(list: DecidingRule['list'], index: number, pattern: string): CompiledRule {
  const flaw = findFlaw(pattern);
  if (flaw !== undefined) throw invalid(pattern, flaw);
  return { rule: { list, index, pattern }, matches: compile(pattern) };
}

/** Whether a name is longer than any registry's can be; it is not tried on patterns. */
export function isTooLong({ name }: RuleSubject): boolean {
  if (typeof name !== 'string') {
    throw new ImageError('ERR_OPTION_INVALID', 'Cannot apply rules: they need a parsed reference, not its text');
  }
  return name.length > MAX_NAME || name.indexOf('/') > MAX_HOST;
}

function compile(pattern: string): (name: string) => boolean {
  try {
    const matches = picomatch(pattern, {
      dot: true,
      nonegate: true,
      noextglob: true,
      posix: true,
      strictBrackets: true,
    });
    return (name) => matches(name);
  } catch {
    // picomatch's own message quotes the pattern at length.
    throw invalid(pattern, 'its brackets do not match');
  }
}

function findFlaw(pattern: string): string | undefined {
  if (typeof pattern !== 'string') return 'it is no text';
  if (pattern === '') return 'it is empty';
  if (pattern.length > MAX_PATTERN) return `it has more than ${MAX_PATTERN} characters`;
  if (/(?:^|[^\\])(?:\\\\)*\\$/.test(pattern)) return 'it ends in a backslash';
  if (pattern.includes('..')) return 'no image name has two dots in a row, and ranges in braces are not supported';
  if (pattern.startsWith('!')) return 'a rule cannot be negated; use the other list';
  const foreign = /[^\w.:/*?{},!^[\]\\-]/u.exec(pattern)?.[0];
  if (foreign !== undefined) return `${quote(foreign)} is in no image name and has no meaning in rules`;
  if (countFreeStars(pattern) > MAX_FREE_STARS) {
    return 'it has too many stars to be matched in bounded time; write it as several rules';
  }
  return undefined;
}

function countFreeStars(pattern: string): number {
  const segments = pattern.split('/').map((segment) => segment.split(/\*+/).length - 1);
  const globstars = pattern.split('/').filter((segment) => segment.includes('**')).length;
  return segments.reduce((sum, stars) => sum + Math.max(0, stars - 1), 0) + Math.max(0, globstars - 1);
}

function invalid(pattern: unknown, reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot compile rule ${quote(String(pattern))}: ${reason}`);
}
