import { check, checkFast } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { formatReference } from './format.js';
import { safeParseReference } from './parse.js';
import { bareDigest } from './parse-other.js';
import type { ImageReference } from './types.js';

/** Tag and digest first, then tag, then digest, then name alone. */
function rank({ tag, digest }: Pick<ImageReference, 'tag' | 'digest'>): number {
  if (tag !== undefined) return digest !== undefined ? 0 : 1;
  return digest !== undefined ? 2 : 3;
}

const BARE_DIGEST = 4;
const UNPARSEABLE = 5;

/**
 * Orders two references for a list: those with tag and digest first, then with tag, with digest, with neither; and by
 * their canonical text among equals.
 *
 * @param a - a reference
 * @param b - another
 * @returns below 0 when `a` comes first, above 0 when `b` does, 0 when their canonical texts are equal
 * @example
 * ```ts
 * import { compareReferences, parseReference } from 'kubepull/reference';
 *
 * ['b', 'a', 'a:1'].map(parseReference).sort(compareReferences); // a:1, a, b
 * ```
 * @see Sort in distribution/reference v0.6.0
 * @public
 */
export function compareReferences(a: ImageReference, b: ImageReference): number {
  checkFast('Cannot compare references', 'a', a, is.referenceText);
  checkFast('Cannot compare references', 'b', b, is.referenceText);
  return rank(a) - rank(b) || compareText(formatReference(a), formatReference(b));
}

/**
 * Sorts texts as {@link compareReferences} does; bare digests come after the references, and what does not parse last.
 *
 * @param references - references, image ids and digests, in any order; not changed
 * @returns their canonical texts in order; texts that do not parse as they are
 * @example
 * ```ts
 * import { sortReferences } from 'kubepull/reference';
 *
 * sortReferences(['b', 'Bad', 'a:1']); // ['docker.io/library/a:1', 'docker.io/library/b', 'Bad']
 * ```
 * @see Sort in distribution/reference v0.6.0
 * @public
 */
export function sortReferences(references: Iterable<string>): readonly string[] {
  check('Cannot sort references', { references }, { references: is.iterable });
  const keyed = Array.from(references, classify);
  keyed.sort((a, b) => a.rank - b.rank || compareText(a.text, b.text));
  return keyed.map(({ text }) => text);
}

function classify(input: string): { readonly rank: number; readonly text: string } {
  checkFast('Cannot sort references', 'reference', input, is.text);
  const digest = bareDigest(input);
  if (digest !== undefined) return { rank: BARE_DIGEST, text: digest };
  const parsed = safeParseReference(input);
  if (!parsed.ok) return { rank: UNPARSEABLE, text: input };
  return { rank: rank(parsed.value), text: formatReference(parsed.value) };
}

/** By code points, which is the order of UTF-8 bytes and so of Go's strings; JavaScript's own order is by UTF-16 unit. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    if (a.charCodeAt(at) !== b.charCodeAt(at)) return (a.codePointAt(at) ?? 0) - (b.codePointAt(at) ?? 0);
  }
  return a.length - b.length;
}
