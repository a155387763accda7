import type { Digest } from '../digest/index.js';
import type { ImageReference } from './types.js';

const CUTS = /^([^@]*?)(?::([^/:@]*))?(?:@(.*))?$/s;
// Each of these finds how far a text is right, so that a refusal can name the place. None can backtrack far.
const DOMAIN = /^(?:[a-z\d]+(?:(?:\.|-+)[a-z\d]+)*|\[[a-f\d:]+\])(?::\d+)?/i;
const PATH = /^[a-z\d]+(?:(?:[./]|__?|-+)[a-z\d]+)*/;
const TAG = /^\w[\w.-]{0,127}/;
const DIGEST = /^[a-z](?:[a-z\d]|[-_+.][a-z])*(?::[a-f\d]*)?/i;

/** Length of the beginning of `text` that `pattern` accepts. */
function reach(pattern: RegExp, text: string): number {
  return pattern.exec(text)?.[0].length ?? 0;
}

/** Whether the whole text, which may not be empty, fits the pattern. */
function fits(pattern: RegExp, text: string): boolean {
  return text !== '' && reach(pattern, text) === text.length;
}

export function isTag(text: string): boolean {
  return fits(TAG, text);
}

/** Whether a text is a digest by the grammar: its algorithm may be unknown and its length wrong. */
export function isDigestText(text: string): boolean {
  return fits(DIGEST, text) && /:.{32}/.test(text);
}

/**
 * Cuts a reference into its parts without adding defaults. The cuts are forced: only the digest has an `@`, a tag has
 * neither `/` nor `:`, and a domain is followed by a path; so nothing is tried twice and the time is linear.
 *
 * @param text - what to cut
 * @param input - what the caller of the library gave
 * @returns the parts, the digest only by the grammar; or the index of the first character that does not fit
 */
export function splitReference(text: string, input: string): ImageReference | number {
  const [, name = '', tag, digest] = CUTS.exec(text) ?? [];
  const host = reach(DOMAIN, name);
  const isHost = host > 0 && name[host] === '/';
  const path = name.slice(isHost ? host + 1 : 0);
  if (!fits(PATH, path)) return Math.max(host, name.length - path.length + reach(PATH, path));
  if (tag !== undefined && !isTag(tag)) return name.length + 1 + reach(TAG, tag);
  if (digest !== undefined && !isDigestText(digest)) return text.length - digest.length + reach(DIGEST, digest);
  return { input, domain: name.slice(0, isHost ? host : 0), path, name, tag, digest: digest as Digest | undefined };
}

/** Go maps each code point by itself; JavaScript alone turns this one into two. */
export function lowerCase(text: string): string {
  return text.replaceAll('İ', 'i').toLowerCase();
}

/** Index of the first character that lower-casing changes, or -1. */
export function upperCaseAt(text: string): number {
  return text.search(/\p{CWL}/u);
}
