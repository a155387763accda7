import { decodeEscapes } from './escapes.js';
import { parseHost } from './host.js';

/** The two parts of a URL that matching looks at, decoded. */
export interface Location {
  /** Host with port. */
  readonly host: string;
  /** Empty, or from the first slash on. */
  readonly path: string;
}

const BAD_ESCAPE = /%(?![0-9a-f]{2})/i;
const CONTROL = /[\u0000-\u001f\u007f]/;
const USER_INFO = /^(?:[\w\-.:~!$&'()*+,;=@]|%[0-9a-f]{2})*$/i;

/**
 * Reads what stands behind `https://` as Go's `url.Parse` does (Go 1.26). User info, query and fragment are checked and
 * forgotten. WHATWG's `URL` will not do: it drops default ports, folds case, resolves dots and refuses globs.
 *
 * @returns `undefined` where Go has an error
 */
export function parseLocation(text: string): Location | undefined {
  const [url, fragment] = splitAt(text, text.indexOf('#'));
  const [beforeQuery] = splitAt(url, url.indexOf('?'));
  const [authority, path] = splitAt(beforeQuery, beforeQuery.indexOf('/'));
  const at = authority.lastIndexOf('@');
  const host = parseHost(authority.slice(at + 1));
  const isBad = CONTROL.test(url) || BAD_ESCAPE.test(fragment) || BAD_ESCAPE.test(path);
  if (host === undefined || isBad || !USER_INFO.test(authority.slice(0, at + 1))) return undefined;
  return { host, path: decodeEscapes(path) };
}

/** Text before and from a place on; all of it before when the place is -1. */
export function splitAt(text: string, at: number): readonly [before: string, after: string] {
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)];
}
