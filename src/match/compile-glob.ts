import { runesOf } from './runes.js';

/** One step of a compiled pattern: a character, any character, any run of bytes, a class, or a malformed rest. */
export type GlobStep = number | '?' | '*' | GlobClass | 'malformed';

export interface GlobClass {
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
export function compileGlob(pattern: string): readonly GlobStep[] {
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
