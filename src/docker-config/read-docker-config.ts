import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { checkSource, formatCredentialSource } from './format-source.js';
import { ImageError, InvalidConfigError } from '../errors/index.js';
import {
  cannotUnmarshal,
  countMembers,
  type CredentialSource,
  eachMember,
  encodeUtf8,
  goKind,
  type JsonNode,
  matchField,
  readJson,
} from '../internal/index.js';
import type { Credential, DockerConfig, IgnoredField, ParseDockerConfigOptions, SkippedEntry } from './types.js';
import { splitAuth, splitDockerAuth } from './auth-field.js';
import {
  CONFIG_JSON,
  decodeEntry,
  type Dialect,
  DOCKER,
  DOCKERCFG,
  type EntryFields,
  stringsFault,
} from './dialects.js';
import { createSecret, type Secret } from './secret.js';

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_ENTRIES = 10_000;
const MAX_DEPTH = 64;

/**
 * Reads a docker config document whole: its entries, and what the chosen reader makes of the rest.
 *
 * `kubelet` and `lenient` report every part that kubelet ignores, with the reason; `docker` understands helpers and
 * tokens. In `docker` mode an entry with `identitytoken` has neither user name nor password, since Docker then sends
 * the token alone, and `auth` follows Docker's rules (padding is due, the user has a name, NULs around the password are
 * cut off). Docker asks a helper that is named for a registry instead of the entry; this function reports helpers and
 * runs none.
 *
 * Entries stand in the order of the document; of entries with the same key the last counts, at its place.
 *
 * @param json - the document, as text or bytes
 * @param options - the reader, the format, the source and the limits
 * @returns entries, what was skipped, what was ignored, and the helpers
 * @throws {@link InvalidConfigError} with Go's text in `upstream`; nothing of the document is in the message
 * @throws {@link ImageError} `ERR_OPTION_INVALID`
 * @example
 * ```ts
 * import { parseDockerConfig } from 'kubepull/docker-config';
 *
 * const { ignored } = parseDockerConfig('{"auths":{"r.example":{}},"credsStore":"desktop"}');
 * ignored[0]?.field; // 'credsStore'
 * ```
 * @see DockerConfigJSON in kubernetes pkg/credentialprovider/config.go, LoadFromReader in docker/cli cli/config/configfile
 * @public
 */
export function parseDockerConfig(json: string | Uint8Array, options: ParseDockerConfigOptions = {}): DockerConfig {
  const limit = is.optional(is.wholeFrom(1));
  check('Cannot read docker config', { json }, { json: is.either(is.text, is.bytes) });
  check<ParseDockerConfigOptions>('Cannot read docker config', options, {
    mode: is.optional(is.oneOf('kubelet', 'lenient', 'docker')),
    format: is.optional(is.oneOf('dockerconfigjson', 'dockercfg')),
    source: is.anything,
    maxBytes: limit,
    maxEntries: limit,
    maxDepth: limit,
  });
  const { mode = 'kubelet', format = 'dockerconfigjson', source = { kind: 'inline' } } = options;
  const { maxBytes = MAX_BYTES, maxEntries = MAX_ENTRIES, maxDepth = MAX_DEPTH } = options;
  checkSource(source);
  if (mode === 'docker' && format !== 'dockerconfigjson') {
    throw new ImageError('ERR_OPTION_INVALID', 'Cannot read docker config: no such mode for this format');
  }
  if (isLonger(json, maxBytes)) throw refuse(source, `document is larger than ${maxBytes} bytes`);
  const result = readJson(json, { maxDepth });
  if (!result.ok) throw refuse(source, result.upstream, result);
  return readDocument(result.node, { mode, format, source, maxEntries });
}

function isLonger(json: string | Uint8Array, maxBytes: number): boolean {
  if (json.length > maxBytes || typeof json !== 'string') return json.length > maxBytes;
  return json.length * 3 > maxBytes && encodeUtf8(json).length > maxBytes;
}

interface Reading {
  readonly mode: 'kubelet' | 'lenient' | 'docker';
  readonly format: 'dockerconfigjson' | 'dockercfg';
  readonly source: CredentialSource;
  readonly maxEntries: number;
}

interface Found {
  readonly reading: Reading;
  readonly dialect: Dialect;
  readonly entries: Map<string, ReadEntry>;
  readonly skipped: SkippedEntry[];
  readonly ignored: IgnoredField[];
  readonly helpers: Map<string, string>;
  credsStore: string | undefined;
  /** Go's first type error. Go decodes on after it; but at the first bad entry kubelet stops, and tells that instead. */
  fault: Fault | undefined;
}

interface Fault {
  readonly upstream: string;
  /** The place, when it is not a byte offset. */
  readonly where?: string;
}

const FIELDS = ['auths', 'HttpHeaders', 'credHelpers', 'credsStore'] as const;
const TOKENS = ['identitytoken', 'registrytoken'] as const;
const REASONS = {
  HttpHeaders: 'kubelet checks it but never sends it',
  credHelpers: 'kubelet runs no credential helper of Docker',
  credsStore: 'kubelet runs no credential helper of Docker',
  identitytoken: 'kubelet sends user name and password only',
  registrytoken: 'kubelet sends user name and password only',
} as const;

/** Walks a parsed document as the chosen reader does. */
function readDocument(root: JsonNode, reading: Reading): DockerConfig {
  const { format, mode, source } = reading;
  const flat = format === 'dockercfg';
  const dialect = flat ? DOCKERCFG : mode === 'docker' ? DOCKER : CONFIG_JSON;
  const found: Found = {
    reading,
    dialect,
    entries: new Map(),
    skipped: [],
    ignored: [],
    helpers: new Map(),
    credsStore: undefined,
    fault: undefined,
  };
  if (root.kind === 'object') (flat ? addEntries : readFields)(found, root);
  else if (root.kind !== 'null') found.fault = { upstream: cannotUnmarshal(goKind(root), dialect.document) };
  if (found.fault !== undefined) throw refuse(source, found.fault.upstream, found.fault);
  const { entries, skipped, ignored, helpers, credsStore } = found;
  const all = Array.from(entries, ([pattern, read]) => ({ pattern, credential: toCredential(read, source), source }));
  const credHelpers = Array.from(helpers, ([pattern, helper]) => ({ pattern, helper }));
  return { entries: all, skipped, ignored, credHelpers, credsStore };
}

type JsonObject = JsonNode & { readonly kind: 'object' };

/** An entry that was decoded. Nothing more is made of one that another of its key replaces. */
interface ReadEntry {
  readonly fields: EntryFields;
  /** A text is Docker's for an `auth` field that it cannot read. It reads them once it has the whole document. */
  readonly parts: readonly [username: string, password: string] | string;
  readonly index: number;
}

function readFields(found: Found, root: JsonObject): void {
  eachMember(root, (key, value) => {
    const field = matchField(key, FIELDS);
    if (field === 'auths') readAuths(found, value);
    else if (field !== undefined) readOther(found, field, value);
  });
}

/** Objects merge into what an earlier `auths` gave; `null` takes it all away, as Go sets a map to nil. */
function readAuths(found: Found, node: JsonNode): void {
  const { auths, entryPlace } = found.dialect;
  if (node.kind === 'object') addEntries(found, node);
  else if (node.kind === 'null') found.entries.clear();
  else found.fault ??= { upstream: cannotUnmarshal(goKind(node), auths, entryPlace) };
}

function readOther(found: Found, field: Exclude<(typeof FIELDS)[number], 'auths'>, node: JsonNode): void {
  const { mode } = found.reading;
  const place = `${mode === 'docker' ? 'ConfigFile' : 'DockerConfigJSON'}.${field}`;
  if (mode !== 'docker' && node.kind !== 'null')
    found.ignored.push({ field, pattern: undefined, reason: REASONS[field] });
  // Of what it ignores kubelet checks the headers alone.
  const checked = mode === 'docker' || (mode === 'kubelet' && field === 'HttpHeaders');
  if (field === 'credsStore') {
    if (node.kind === 'string') found.credsStore = node.value;
    else if (checked && node.kind !== 'null')
      found.fault ??= { upstream: cannotUnmarshal(goKind(node), 'string', place) };
    return;
  }
  const upstream = stringsFault(node, place);
  if (upstream === undefined && field === 'credHelpers') readHelpers(found, node);
  else if (upstream !== undefined && checked) found.fault ??= { upstream };
}

/** Objects merge, and `null` takes all away, as with `auths`. Kubelet ignores helpers, also those that are too many. */
function readHelpers({ helpers, reading }: Found, node: JsonNode): void {
  const { maxEntries, mode, source } = reading;
  if (node.kind !== 'object') return helpers.clear();
  const isFit = countMembers(node) <= maxEntries;
  if (isFit) eachMember(node, (key, value) => void helpers.set(key, value.kind === 'string' ? value.value : ''));
  if (mode === 'docker' && (!isFit || helpers.size > maxEntries))
    throw refuse(source, `more than ${maxEntries} credHelpers`);
}

function addEntries(found: Found, auths: JsonObject): void {
  const { entries, ignored, reading, skipped } = found;
  const { maxEntries, mode, source } = reading;
  if (countMembers(auths) > maxEntries) throw refuse(source, `more than ${maxEntries} entries`);
  let index = 0;
  eachMember(auths, (key, value) => {
    index += 1;
    entries.delete(key);
    const before = ignored.length;
    const read = readEntry(found, key, value, index);
    if (typeof read !== 'string') entries.set(key, read);
    else if (mode === 'lenient') {
      skipped.push({ pattern: key, upstream: read });
      // It is the entry that is left out.
      ignored.length = before;
    } else if (mode === 'docker') found.fault ??= { upstream: read, where: placeOf(index) };
    else throw refuse(source, read, { where: placeOf(index) });
  });
  // A second object may replace entries of the first one.
  if (entries.size > maxEntries) throw refuse(source, `more than ${maxEntries} entries`);
}

function placeOf(index: number): string {
  return ` (entry ${index})`;
}

function readEntry(
  { reading, dialect, ignored }: Found,
  pattern: string,
  node: JsonNode,
  index: number,
): ReadEntry | string {
  const docker = reading.mode === 'docker';
  const before = ignored.length;
  const fields = decodeEntry(node, dialect, (key, value) => {
    const field = docker || value.kind === 'null' ? undefined : matchField(key, TOKENS);
    const isNew = field !== undefined && !ignored.slice(before).some((one) => one.field === field);
    if (isNew) ignored.push({ field, pattern, reason: REASONS[field] });
  });
  if (typeof fields === 'string') return fields;
  const { auth = '', username = '', password = '' } = fields;
  const parts = auth === '' ? ([username, password] as const) : docker ? splitDockerAuth(auth) : splitAuth(auth);
  return typeof parts === 'string' && !docker ? parts : { fields, parts, index };
}

/** Docker's fields are in `fields` in Docker's mode only. */
function toCredential({ fields, parts, index }: ReadEntry, source: CredentialSource): Credential {
  if (typeof parts === 'string') throw refuse(source, parts, { where: placeOf(index) });
  const [username, password] = parts;
  const identityToken = secretOf(fields.identitytoken);
  return {
    username: identityToken === undefined ? username : '',
    password: createSecret(identityToken === undefined ? password : ''),
    identityToken,
    registryToken: secretOf(fields.registrytoken),
    // Empty and absent are one to Go.
    email: fields.email || undefined,
  };
}

function secretOf(value: string | undefined): Secret | undefined {
  return value ? createSecret(value) : undefined;
}

/**
 * The error for a document that cannot be read. Its message quotes nothing of the content: Go's text for a syntax error
 * names the character at fault, which stays in `upstream`.
 */
function refuse(
  source: CredentialSource,
  upstream: string,
  { offset, where = '' }: { readonly offset?: number; readonly where?: string } = {},
): InvalidConfigError {
  const origin = source.kind === 'inline' ? '' : ` from ${formatCredentialSource(source)}`;
  const reason = upstream.replace(/^(invalid character) '.+?' /, '$1 ');
  const place = offset === undefined ? where : ` at byte ${offset}`;
  return new InvalidConfigError(`Cannot read docker config${origin}: ${reason}${place}`, { upstream, offset });
}
