import { decodeAuth } from '../../docker-config/index.js';
import { InvalidConfigError } from '../../errors/index.js';
import { decodeBase64, decodeUtf8, trimEnd } from '../../internal/index.js';
import type { LintCode } from '../rules/codes.js';
import { finding } from '../rules/rules.js';
import type { LintFinding } from '../rules/finding.js';

/** The text fields of an entry, by their JSON name. */
export type EntryTexts = ReadonlyMap<string, string>;

interface Pair {
  readonly username: string;
  readonly password: string;
}

/** What is wrong with the content of one entry. Texts go in; only what is the matter with them comes out. */
export function* lintEntry(fields: EntryTexts, place: string): Generator<LintFinding> {
  const plain: Pair = { username: fields.get('username') ?? '', password: fields.get('password') ?? '' };
  const auth = fields.get('auth') ?? '';
  const pair = auth === '' ? plain : readAuth(auth);
  if (pair instanceof InvalidConfigError) return yield lintBadAuth(auth, pair, `${place}.auth`);
  yield* lintTokens(fields, place);
  if (plain.username.includes(':')) yield lintColon(auth !== '', `${place}.username`);
  else if (auth !== '') yield* lintOverride(plain, pair, place);
  if (pair.username === '' && pair.password === '') yield* lintEmpty(fields, place);
  else yield* lintPair(pair, place, auth === '' ? undefined : `${place}.auth`);
}

function readAuth(auth: string): Pair | InvalidConfigError {
  try {
    const { username, password } = decodeAuth(auth);
    return { username, password: password.reveal() };
  } catch (error) {
    if (error instanceof InvalidConfigError) return error;
    throw error;
  }
}

function lintBadAuth(auth: string, { upstream }: InvalidConfigError, place: string): LintFinding {
  const decoded = decodeText(auth);
  if (decoded === undefined) {
    return finding('AUTH_NOT_BASE64', place, `${causeOf(auth)}; Go says: ${upstream}`);
  }
  const inner = decodeText(decoded.trim());
  return inner?.includes(':') && isPlain(inner)
    ? finding('AUTH_DOUBLE_BASE64', place, 'Decoded once it is base64 again, decoded twice it is user:password')
    : finding('AUTH_WITHOUT_COLON', place, 'Decoded it has no colon');
}

/** Why a text is not base64, in the order in which a reader would look. */
function causeOf(auth: string): string {
  const body = trimEnd(auth.replace(/[\r\n]/g, ''), '=');
  if (auth.includes(':')) return 'It is user:password itself, which is not encoded';
  if (/^[\w+/-]*$/.test(body) && /[-_]/.test(body)) return 'It is in the URL-safe alphabet, with - or _';
  if (/\s/.test(body)) return 'It has white space in it';
  if (/[^A-Za-z\d+/]/.test(body)) return 'It has a character that base64 does not have';
  if (body.length % 4 !== 1) return 'Its padding is not what must end it';
  const count = `It has ${body.length} characters, and base64 never has one more than a multiple of four`;
  return body.length >= 20 ? `${count}: it may be a bare key or token` : `${count}: it may be cut off`;
}

/** Text behind base64 with or without padding; `undefined` when it is not base64. */
function decodeText(text: string): string | undefined {
  const bytes = decodeBase64(text, /=\s*$/.test(text));
  return typeof bytes === 'string' ? undefined : decodeUtf8(bytes);
}

function isPlain(text: string): boolean {
  return !/[\0-\x08\ud800-\udfff\ufffd]/u.test(text);
}

function* lintTokens(fields: EntryTexts, place: string): Generator<LintFinding> {
  for (const field of ['identitytoken', 'registrytoken']) {
    if (fields.get(field)) yield finding('TOKEN_IGNORED', `${place}.${field}`, `Kubelet does not read ${field}`);
  }
}

function lintColon(hasAuth: boolean, place: string): LintFinding {
  const message = hasAuth
    ? 'The auth field is read up to its first colon, so it gives another user'
    : 'The registry reads the user name up to its first colon';
  return finding('USERNAME_HAS_COLON', place, message);
}

function* lintOverride(plain: Pair, pair: Pair, place: string): Generator<LintFinding> {
  const names = (['username', 'password'] as const).filter((name) => plain[name] !== '' && plain[name] !== pair[name]);
  if (names.length === 0) return;
  yield finding('AUTH_OVERRIDES_FIELDS', `${place}.auth`, `Another ${names.join(' and ')} stands in auth`);
}

/** With a token the entry was not left behind; that it is empty is the same finding. */
function* lintEmpty(fields: EntryTexts, place: string): Generator<LintFinding> {
  if (fields.get('identitytoken') || fields.get('registrytoken')) return;
  yield finding('ENTRY_EMPTY', place, 'Kubelet tries it as it is, which is an anonymous pull');
}

/** A finding about a half of the credential; in `auth` the half has no place of its own. */
function* lintPair(pair: Pair, place: string, authPlace: string | undefined): Generator<LintFinding> {
  for (const name of ['username', 'password'] as const) {
    const where = authPlace ?? `${place}.${name}`;
    const half = name === 'username' ? 'user name' : 'password';
    if (pair[name] === '') yield finding('CREDENTIAL_HALF_EMPTY', where, `The ${half} is empty`);
    else for (const [code, message] of judge(pair[name], half)) yield finding(code, where, message);
  }
  const decoded = decodeText(pair.password);
  if (pair.username !== '' && decoded?.startsWith(`${pair.username}:`)) {
    yield finding('PASSWORD_IS_AUTH', authPlace ?? `${place}.password`, 'Decoded it begins with the user name');
  }
}

function* judge(text: string, half: string): Generator<readonly [LintCode, string]> {
  if (/[\ud800-\udfff]/u.test(text)) yield ['CREDENTIAL_NOT_UTF8', `The ${half} has bytes that are not UTF-8`];
  // The key file of a Google service account is a password of many lines.
  if (/^\{(?!\{)/.test(text)) return;
  const isBroken = half === 'password' && /[\r\n]$/.test(text);
  if (isBroken) yield ['PASSWORD_ENDS_WITH_NEWLINE', 'A line break is its last character'];
  const line = isBroken ? text.replace(/\r?[\r\n]$/, '') : text;
  if (line.trim() !== line) yield ['CREDENTIAL_OUTER_SPACE', `The ${half} has white space at its ends`];
  if (/[\0-\x1f\x7f]/.test(line.trim())) yield ['CREDENTIAL_HAS_CONTROL', `The ${half} has a control character`];
  if (/^"[^]+"$|^'[^]+'$/.test(line)) yield ['CREDENTIAL_QUOTED', `The ${half} stands in quotes`];
  if (/^(?:\$\{?\w+\}?|\$\(\w+\)|%\w+%|<[\w -]+>|\{\{[^{}]*\}\})$/.test(line)) {
    yield ['CREDENTIAL_PLACEHOLDER', `The ${half} is the name of a variable`];
  }
}
