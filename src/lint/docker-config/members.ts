import { decodeBase64, decodeUtf8, goKind, type JsonNode, matchField, quote, trimEnd } from '../../internal/index.js';
import type { ImageName } from '../../reference/index.js';
import { finding } from '../rules/rules.js';
import type { LintFinding } from '../rules/finding.js';
import { decodeAuth } from '../../docker-config/index.js';
import { InvalidConfigError } from '../../errors/index.js';
import type { LintCode } from '../rules/codes.js';
import { matchImage, type ParsedTarget, parsePattern } from '../../match/index.js';
import { imageNameText } from '../../reference/inner.js';
import { bareKey, faultlessKey, findKeyFault, hostOf, nearestKey, placeOf, splitKey } from '../../match/inner.js';

export type DocumentFormat = 'dockerconfigjson' | 'dockercfg';

/** What a document is looked at for. */
export interface DocumentContext {
  readonly format: DocumentFormat;
  /** The place of the document itself; empty when it is the whole input. */
  readonly place: string;
  /** The image that it should serve. */
  readonly image: ImageName | undefined;
}

type JsonObject = JsonNode & { readonly kind: 'object' };

const TOP_FIELDS = ['auths', 'HttpHeaders', 'credHelpers', 'credsStore'] as const;
const TEXT_FIELDS = ['username', 'password', 'email', 'auth'] as const;
const ENTRY_FIELDS = [...TEXT_FIELDS, 'identitytoken', 'registrytoken'] as const;

/** The place of the object that holds the entries. */
export function entriesPlace({ format, place }: DocumentContext): string {
  return format === 'dockercfg' ? place : member(place, 'auths');
}

function member(place: string, field: string): string {
  return place === '' ? field : `${place}.${field}`;
}

/** What is wrong with the parts of a document, in their order. */
export function* lintMembers(root: JsonNode, context: DocumentContext): Generator<LintFinding> {
  const { format, place } = context;
  if (root.kind === 'null') return yield finding('NO_ENTRIES', place, 'The document is null');
  if (root.kind !== 'object') return yield wrongType(root, 'an object', place);
  const keys = new Set<string>();
  if (format === 'dockercfg') yield* lintEntries(root, keys, context);
  else yield* lintTop(root, keys, context);
  if (keys.size === 0 && !looksFlat(root)) yield finding('NO_ENTRIES', place, 'There is no entry in it');
}

/** Whether entries stand at the top: an object in the place of a registry that has a field of an entry. */
function looksFlat(root: JsonObject): boolean {
  return root.members.some(
    ({ key, value }) => matchField(key, TOP_FIELDS) === undefined && value.kind === 'object' && isEntry(value),
  );
}

function isEntry(node: JsonObject): boolean {
  return node.members.some(({ key }) => matchField(key, ENTRY_FIELDS) !== undefined);
}

function* lintTop(root: JsonObject, keys: Set<string>, context: DocumentContext): Generator<LintFinding> {
  let hasSeenAuths = false;
  for (const { key, value } of root.members) {
    const field = matchField(key, TOP_FIELDS);
    if (field === undefined) continue;
    const place = member(context.place, field);
    if (field !== key) yield finding('FIELD_NAME_CASE', place, `It should be ${field}`);
    if (field !== 'auths') yield* lintIgnored(field, value, place);
    else if (hasSeenAuths) yield finding('AUTHS_REPEATED', place, 'Kubelet merges them, other readers take the last');
    if (field !== 'auths') continue;
    hasSeenAuths = true;
    if (value.kind === 'object') yield* lintEntries(value, keys, context);
    else if (value.kind !== 'null') yield wrongType(value, 'an object', place);
  }
  if (!hasSeenAuths && looksFlat(root)) {
    yield finding('AUTHS_MISSING', context.place, 'Registries stand at the top of the document');
  }
}

function* lintIgnored(
  field: 'HttpHeaders' | 'credHelpers' | 'credsStore',
  node: JsonNode,
  place: string,
): Generator<LintFinding> {
  if (node.kind === 'null') return;
  if (field !== 'HttpHeaders') {
    return yield finding('CREDENTIAL_HELPER_IGNORED', place, `Kubelet does not read ${field}`);
  }
  if (node.kind !== 'object') return yield wrongType(node, 'an object', place);
  const bad = node.members.find(({ value }) => value.kind !== 'string' && value.kind !== 'null');
  if (bad !== undefined) yield wrongType(bad.value, 'a string for each header', place);
  else yield finding('HTTP_HEADERS_IGNORED', place, 'Kubelet checks that the headers are strings, and forgets them');
}

function* lintEntries(node: JsonObject, keys: Set<string>, context: DocumentContext): Generator<LintFinding> {
  const root = entriesPlace(context);
  for (const { key, value } of node.members) {
    const place = placeOf(root, key);
    if (keys.has(key)) yield finding('KEY_REPEATED', place, 'An entry before it has the same key');
    keys.add(key);
    if (matchField(key, ['auths']) !== undefined && value.kind === 'object' && !isEntry(value)) {
      yield finding('AUTHS_DOUBLED', place, 'It is read as a registry with the name auths and no credential');
      continue;
    }
    yield* lintKey(key, place, context.image);
    if (value.kind === 'object') yield* lintFields(value, place);
    else if (value.kind === 'null') yield* lintEntry(new Map(), place);
    else yield wrongType(value, 'an object', place);
  }
}

function* lintFields(node: JsonObject, place: string): Generator<LintFinding> {
  const texts = new Map<string, string>();
  let isRight = true;
  for (const { key, value } of node.members) {
    const field = matchField(key, ENTRY_FIELDS);
    if (field === undefined || value.kind === 'null') continue;
    if (field !== key) yield finding('FIELD_NAME_CASE', `${place}.${field}`, `It should be ${field}`);
    if (value.kind === 'string') texts.set(field, value.value);
    else if (matchField(field, TEXT_FIELDS) !== undefined) {
      isRight = false;
      yield wrongType(value, 'a string', `${place}.${field}`);
    }
  }
  if (isRight) yield* lintEntry(texts, place);
}

function wrongType(node: JsonNode, wanted: string, place: string): LintFinding {
  return finding('WRONG_TYPE', place, `It should be ${wanted} and is of type ${goKind(node)}`);
}

/** The text fields of an entry, by their JSON name. */
type EntryTexts = ReadonlyMap<string, string>;

interface Pair {
  readonly username: string;
  readonly password: string;
}

/** What is wrong with the content of one entry. Texts go in; only what is the matter with them comes out. */
function* lintEntry(fields: EntryTexts, place: string): Generator<LintFinding> {
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

/**
 * What is wrong with one key by itself.
 *
 * @param image - the image that the key may be meant for: what matches it exactly is not called unusual
 */
function* lintKey(key: string, place: string, image: ImageName | undefined): Generator<LintFinding> {
  const parts = splitKey(key);
  if (parts.userInfo !== undefined) {
    const message = 'User info in a key is not used, and shows in logs';
    yield finding('KEY_HAS_USER_INFO', place, message, nearestKey(bareKey(parts)));
  }
  const fault = findKeyFault(key);
  if (fault !== undefined) {
    const message = `${fault.message.charAt(0).toUpperCase()}${fault.message.slice(1)}`;
    return yield finding(fault.code, place, message, nearestKey(key));
  }
  const target = parsePattern(key);
  if (target === undefined) return;
  const isWanted = image !== undefined && matchImage(key, image).matched;
  if (!isWanted) yield* lintHost(target, place);
  yield* lintGlob(target, place);
  yield* lintPath(target, place, image && imageNameText(image));
}

function* lintHost(target: ParsedTarget, place: string): Generator<LintFinding> {
  const { labels, port, path } = target;
  const host = hostOf(target);
  const lower = host.toLowerCase();
  if (host.startsWith('[')) return;
  if (host !== lower) {
    yield finding('KEY_HOST_CASE', place, `Only images with the host ${quote(host)} match`, faultlessKey(lower + path));
  }
  if (port === '443' || port === '80') {
    const bare = faultlessKey(labels.join('.') + path);
    yield finding('KEY_DEFAULT_PORT', place, `Only images with :${port} in their name match`, bare);
  }
}

function* lintGlob(target: ParsedTarget, place: string): Generator<LintFinding> {
  const { labels, port, path, literal } = target;
  if (literal) return;
  const [first = '', second = ''] = labels;
  const owned = labels.slice(0, -1).some((label) => label !== '*');
  if (!owned || labels.at(-1)?.includes('*')) {
    yield finding('KEY_GLOB_TOO_BROAD', place, `Any host of the form ${quote(labels.join('.'))} gets the password`);
  } else if (labels.length === 2 && /^\*[^*]+$/.test(first)) {
    const message = `It matches neither a subdomain nor stops at ${quote(`${first.slice(1)}.${second}`)}`;
    const dotted = `*.${first.slice(1)}.${second}${port === '' ? '' : `:${port}`}${path}`;
    yield finding('KEY_GLOB_WITHOUT_DOT', place, message, faultlessKey(dotted));
  }
}

function* lintPath({ key, path }: ParsedTarget, place: string, repository: string | undefined): Generator<LintFinding> {
  if (path === '') return;
  if (path.endsWith('/')) {
    const message = `The repository ${quote(key.slice(0, -1))} itself is not served`;
    return yield finding(
      'KEY_TRAILING_SLASH',
      place,
      message,
      key === `${repository}/` ? faultlessKey(key.slice(0, -1)) : undefined,
    );
  }
  const message = `${quote(`${key}-evil`)} gets the password as well`;
  yield finding('KEY_PREFIX_BROAD', place, message, key === repository ? undefined : faultlessKey(`${key}/`));
}
