import type { Digest } from '../digest/index.js';
import type { ImageReference } from './types.js';

/**
 * A reference, from its start as far as it is right: what may be its domain (and is one in front of a slash), its path, tag and
 * digest. It always matches, so that one pass gives the parts of a right text and the place of a fault. Its parts cannot be cut
 * in two ways, so nothing is tried twice and the time is linear.
 */
const REFERENCE =
  /^(?=((?:[^\W_]+(?:(?:\.|-+)[^\W_]+)*|\[[a-fA-F\d:]+\])(?::\d+)?)?)(?:\1(?<=.)\/)?(?:([a-z\d]+(?:(?:[./]|__?|-+)[a-z\d]+)*)(?::(\w[\w.-]{0,127})?)?(?:(?<!:)@([a-zA-Z](?:[^\W_]|[-_+.][a-zA-Z])*(?::[a-fA-F\d]*)?)?)?)?/;

export function isTag(text: string): boolean {
  return Object(splitReference(`a:${text}`, '')).tag === text;
}

/** Whether a text is a digest by the grammar: its algorithm may be unknown and its length wrong. */
export function isDigestText(text: string): boolean {
  return Object(splitReference(`a@${text}`, '')).digest === text;
}

/**
 * Cuts a reference into its parts without adding defaults.
 *
 * @param text - what to cut
 * @param input - what the caller of the library gave
 * @returns the parts, the digest only by the grammar; or the index of the first character that does not fit
 */
export function splitReference(text: string, input: string): ImageReference | number {
  const [right = '', host = '', path = '', tag, digest] = REFERENCE.exec(text) ?? [];
  const domain = text[host.length] === '/' ? host : '';
  const end = path.length + (domain === '' ? 0 : domain.length + 1);
  if (right === text && /^[^@]*[^/:@]$|@[^:@]*:.{32}/.test(text)) {
    return { input, domain, path, name: text.slice(0, end), tag, digest: digest as Digest | undefined };
  }
  // Only the digest has an `@`, and a tag has neither `/` nor `:`.
  const name = text.replace(/(?::[^/:@]*)?(?:@[^]*)?$/, '');
  // A name may look like a host so far, and have a longer beginning as one than as a path.
  return end === name.length ? right.length : Math.max(end, REFERENCE.exec(name)?.[1]?.length ?? 0);
}

/** Go maps each code point by itself; JavaScript alone turns this one into two. */
export function lowerCase(text: string): string {
  return text.replaceAll('İ', 'i').toLowerCase();
}

/** Index of the first character that lower-casing changes, or -1. */
export function upperCaseAt(text: string): number {
  return text.search(/\p{CWL}/u);
}
