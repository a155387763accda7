import { quote } from '../internal/index.js';

/** A key taken apart as text, also when it is no URL. */
export interface KeyParts {
  /** With the slashes, as written; empty when there is none. */
  readonly scheme: string;
  /** Without the `@`. */
  readonly userInfo: string | undefined;
  /** Host and port. */
  readonly authority: string;
  readonly path: string;
  /** What a URL takes for query or fragment, with its sign. */
  readonly tail: string;
}

/** Cuts at the same signs as Go's URL parser. */
export function splitKey(key: string): KeyParts {
  const [scheme = ''] = /^[a-z][a-z\d+.-]*:\/\//i.exec(key) ?? [];
  const [beforeTail, tail] = cutAt(key.slice(scheme.length), /[?#]/);
  const [host, path] = cutAt(beforeTail, /\//);
  const at = host.lastIndexOf('@');
  const userInfo = at < 0 ? undefined : host.slice(0, at);
  return { scheme, userInfo, authority: host.slice(at + 1), path, tail };
}

function cutAt(text: string, sign: RegExp): readonly [before: string, after: string] {
  const at = text.search(sign);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)];
}

/**
 * A key fit for a finding. Keys are no secrets, but people write user info and tokens into them; an `@` that begins a
 * digest stays.
 */
export function showKey(key: string): string {
  const { scheme } = splitKey(key);
  const rest = key.slice(scheme.length);
  const at = lastUserInfo(rest);
  const shown = scheme + (at < 0 ? rest : `…@${rest.slice(at + 1)}`);
  const [before, tail] = cutAt(shown, /[?#]/);
  return quote(tail.includes('=') ? `${before}${tail.charAt(0)}…` : shown);
}

function lastUserInfo(text: string): number {
  for (let at = text.lastIndexOf('@'); at >= 0; at = at === 0 ? -1 : text.lastIndexOf('@', at - 1)) {
    if (!/^sha\d+:/.test(text.slice(at + 1, at + 10))) return at;
  }
  return -1;
}

/** The place of an entry, or of one of its fields. */
export function placeOf(root: string, key: string, field?: string): string {
  return `${root}[${showKey(key)}]${field === undefined ? '' : `.${field}`}`;
}
