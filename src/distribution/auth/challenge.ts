import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';

/**
 * One challenge of a `WWW-Authenticate` header.
 *
 * @public
 */
export interface Challenge {
  /** The scheme in lower case, such as `bearer`. */
  readonly scheme: string;
  /** Parameters by lower-case name; of a name that comes twice, the first. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The single opaque value that some schemes have instead of parameters. */
  readonly token68: string | undefined;
}

const MAX_LENGTH = 16 * 1024;
const MAX_CHALLENGES = 8;
const MAX_PARAMETERS = 32;

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]/;
const TOKEN68 = /[A-Za-z0-9._~+/-]/;
/** What stands in a value without quotes, such as a URL, though by the grammar it would need them. */
const BARE = /[!#-+\--:<-~]/;

/**
 * Parses `WWW-Authenticate`: several challenges in one header or in several, in one pass over the text.
 *
 * What registries get wrong is read where it has one meaning only: a space or a semicolon in place of the comma between two
 * parameters, a URL or a scope without quotes, a parameter without value. What follows any other fault in a header is given up; the challenges before
 * it count. More than 16 KiB in all count as none.
 *
 * @param header - the header's value, or its values when it came several times
 * @returns the challenges in order, at most 8 with at most 32 parameters each
 * @example
 * ```ts
 * import { parseChallenges } from 'kubepull/distribution';
 *
 * const [first] = parseChallenges('Bearer realm="https://auth.example.com/token",service="registry"');
 * first?.parameters.get('service'); // 'registry'
 * ```
 * @see RFC 9110 section 11.6.1
 * @public
 */
export function parseChallenges(header: string | readonly string[]): readonly Challenge[] {
  check('Cannot parse challenges', { header }, { header: is.either(is.text, is.listOf(is.text)) });
  const headers = typeof header === 'string' ? [header] : header;
  const length = headers.reduce((sum, value) => sum + value.length, 0);
  return length > MAX_LENGTH ? [] : headers.flatMap(parseHeader).slice(0, MAX_CHALLENGES);
}

interface Cursor {
  readonly text: string;
  at: number;
}

function parseHeader(text: string): Challenge[] {
  const cursor = { text, at: 0 };
  const challenges: Challenge[] = [];
  while (challenges.length < MAX_CHALLENGES) {
    skip(cursor, ' \t,');
    const scheme = take(cursor, TOKEN);
    if (scheme === '') break;
    const challenge = parseChallenge(cursor, scheme.toLowerCase());
    if (challenge === undefined) break;
    challenges.push(challenge);
  }
  return challenges;
}

/** Reads what follows a scheme; `undefined` when it is malformed. */
function parseChallenge(cursor: Cursor, scheme: string): Challenge | undefined {
  const parameters = new Map<string, string>();
  if (!atSpace(cursor)) return atEnd(cursor) ? { scheme, parameters, token68: undefined } : undefined;
  skip(cursor, ' \t');
  const token68 = takeToken68(cursor);
  if (token68 !== undefined) return { scheme, parameters, token68 };
  for (let count = 0; count <= MAX_PARAMETERS; count += 1) {
    const before = cursor.at;
    skip(cursor, ' \t,;');
    const isLast = cursor.at >= cursor.text.length;
    const parameter = takeParameter(cursor);
    if (parameter === 'malformed') return undefined;
    if (parameter === undefined) {
      if (!isLast) cursor.at = before;
      return atEnd(cursor) ? { scheme, parameters, token68: undefined } : undefined;
    }
    const [name, value] = parameter;
    if (value !== undefined && !parameters.has(name)) parameters.set(name, value);
    if (!atBreak(cursor)) return undefined;
    skip(cursor, ' \t');
  }
  return undefined;
}

/** `name = value`, without a value where there is none; `undefined` when what stands here is no parameter but the next scheme, or the end. */
function takeParameter(cursor: Cursor): readonly [string, string | undefined] | 'malformed' | undefined {
  const name = take(cursor, TOKEN).toLowerCase();
  skip(cursor, ' \t');
  if (name === '' || cursor.text[cursor.at] !== '=') return undefined;
  cursor.at += 1;
  skip(cursor, ' \t');
  if (cursor.text[cursor.at] !== '"') {
    const value = take(cursor, BARE);
    return value.startsWith('=') ? 'malformed' : [name, value || undefined];
  }
  const value = takeQuoted(cursor);
  return value === undefined ? 'malformed' : [name, value];
}

function takeQuoted(cursor: Cursor): string | undefined {
  let value = '';
  for (cursor.at += 1; cursor.at < cursor.text.length; cursor.at += 1) {
    const character = cursor.text.charAt(cursor.at);
    if (character === '"') {
      cursor.at += 1;
      return value;
    }
    if (character === '\\') cursor.at += 1;
    value += cursor.text.charAt(cursor.at);
  }
  return undefined;
}

function takeToken68(cursor: Cursor): string | undefined {
  const start = cursor.at;
  take(cursor, TOKEN68);
  while (cursor.text[cursor.at] === '=') cursor.at += 1;
  const value = cursor.text.slice(start, cursor.at);
  skip(cursor, ' \t');
  // A word before the end or a comma is a value; else it is the name of a parameter, and is read again.
  if (value !== '' && atEnd(cursor)) return value;
  cursor.at = start;
  return undefined;
}

function take(cursor: Cursor, allowed: RegExp): string {
  const start = cursor.at;
  while (cursor.at < cursor.text.length && allowed.test(cursor.text.charAt(cursor.at))) cursor.at += 1;
  return cursor.text.slice(start, cursor.at);
}

function skip(cursor: Cursor, characters: string): void {
  while (cursor.at < cursor.text.length && characters.includes(cursor.text.charAt(cursor.at))) cursor.at += 1;
}

function atSpace({ text, at }: Cursor): boolean {
  return text[at] === ' ' || text[at] === '\t';
}

/** Whether a value ends here, rightly or with what registries put in the place of a comma. */
function atBreak(cursor: Cursor): boolean {
  return atEnd(cursor) || atSpace(cursor) || cursor.text[cursor.at] === ';';
}

function atEnd({ text, at }: Cursor): boolean {
  return at >= text.length || text[at] === ',';
}
