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
import type {
  Credential,
  CredentialHelper,
  DockerConfig,
  IgnoredField,
  ParseDockerConfigOptions,
  SkippedEntry,
} from './types.js';
import { splitAuth, splitDockerAuth } from './auth-field.js';
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
  credHelpers: readonly CredentialHelper[];
  credsStore: string | undefined;
  /** Go's first type error outside of entries. Go decodes on, and reports it unless an entry has worse. */
  fault: string | undefined;
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
    credHelpers: [],
    credsStore: undefined,
    fault: undefined,
  };
  if (root.kind === 'object') (flat ? addEntries : readFields)(found, root);
  else if (root.kind !== 'null') found.fault = cannotUnmarshal(goKind(root), dialect.document);
  if (found.fault !== undefined) throw refuse(source, found.fault);
  const { entries, skipped, ignored, credHelpers, credsStore } = found;
  const all = Array.from(entries, ([pattern, read]) => ({ pattern, credential: toCredential(read), source }));
  return { entries: all, skipped, ignored, credHelpers, credsStore };
}

type JsonObject = JsonNode & { readonly kind: 'object' };

/** An entry that was decoded. Nothing more is made of one that another of its key replaces. */
interface ReadEntry {
  readonly parts: readonly [username: string, password: string];
  readonly fields: EntryFields;
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
  else found.fault ??= cannotUnmarshal(goKind(node), auths, entryPlace);
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
    else if (checked && node.kind !== 'null') found.fault ??= cannotUnmarshal(goKind(node), 'string', place);
    return;
  }
  const fault = checked || field === 'credHelpers' ? stringsFault(node, place) : undefined;
  if (fault === undefined && field === 'credHelpers') readHelpers(found, node);
  else if (checked) found.fault ??= fault;
}

/** Kubelet ignores helpers, also those that are too many. */
function readHelpers(found: Found, node: JsonNode): void {
  const { maxEntries, mode, source } = found.reading;
  const isFit = node.kind !== 'object' || countMembers(node) <= maxEntries;
  if (!isFit && mode === 'docker') throw refuse(source, `more than ${maxEntries} credHelpers`);
  if (isFit) found.credHelpers = Array.from(decodeStrings(node), ([pattern, helper]) => ({ pattern, helper }));
}

function addEntries(found: Found, auths: JsonObject): void {
  const { entries, reading, skipped } = found;
  const { maxEntries, source } = reading;
  if (countMembers(auths) > maxEntries) throw refuse(source, `more than ${maxEntries} entries`);
  let index = 0;
  eachMember(auths, (key, value) => {
    index += 1;
    entries.delete(key);
    const read = readEntry(found, key, value);
    if (typeof read !== 'string') entries.set(key, read);
    else if (reading.mode === 'lenient') skipped.push({ pattern: key, upstream: read });
    else throw refuse(source, read, { where: ` (entry ${index})` });
    if (entries.size > maxEntries) throw refuse(source, `more than ${maxEntries} entries`);
  });
}

function readEntry({ reading, dialect, ignored }: Found, pattern: string, node: JsonNode): ReadEntry | string {
  const docker = reading.mode === 'docker';
  const before = ignored.length;
  const fields = decodeEntry(node, dialect, (key, value) => {
    const field = docker || value.kind === 'null' ? undefined : matchField(key, TOKENS);
    const isNew = field !== undefined && !ignored.slice(before).some((one) => one.field === field);
    if (isNew) ignored.push({ field, pattern, reason: REASONS[field] });
  });
  if (typeof fields === 'string') {
    // It is the entry that is left out.
    ignored.length = before;
    return fields;
  }
  const { auth = '', username = '', password = '' } = fields;
  const parts = auth === '' ? ([username, password] as const) : docker ? splitDockerAuth(auth) : splitAuth(auth);
  return typeof parts === 'string' ? parts : { parts, fields };
}

/** Docker's fields are in `fields` in Docker's mode only. */
function toCredential({ parts: [username, password], fields }: ReadEntry): Credential {
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

type EntryField = 'username' | 'password' | 'email' | 'auth' | 'identitytoken' | 'registrytoken';

/** The fields of an entry that were given, by their JSON name. */
type EntryFields = Readonly<Partial<Record<EntryField, string>>>;

const KUBELET_FIELDS: readonly EntryField[] = ['username', 'password', 'email', 'auth'];
const DOCKER_FIELDS: readonly EntryField[] = [...KUBELET_FIELDS, 'identitytoken', 'registrytoken'];

/** The structs that a document is read into; their names show in Go's errors. */
interface Dialect {
  readonly fields: readonly EntryField[];
  readonly document: string;
  readonly auths: string;
  readonly entry: string;
  /** What stands for the struct in the error of an entry, and in that of one of its fields. */
  readonly entryPlace: string | undefined;
  readonly fieldPlace: string;
}

const ENTRY = 'dockerConfigEntryWithAuth';
const PACKAGE = 'credentialprovider.';

/** `config.json` as kubelet reads it. */
const CONFIG_JSON: Dialect = {
  fields: KUBELET_FIELDS,
  document: `${PACKAGE}DockerConfigJSON`,
  auths: `${PACKAGE}DockerConfig`,
  entry: PACKAGE + ENTRY,
  entryPlace: 'DockerConfigJSON.auths',
  fieldPlace: 'DockerConfigJSON.auths',
};

/** `.dockercfg`: the same entries without the level `auths`, so Go knows no outer struct to name. */
const DOCKERCFG: Dialect = {
  ...CONFIG_JSON,
  document: CONFIG_JSON.auths,
  entryPlace: undefined,
  fieldPlace: ENTRY,
};

/** `config.json` as Docker reads it. */
const DOCKER: Dialect = {
  fields: DOCKER_FIELDS,
  document: 'configfile.ConfigFile',
  auths: 'map[string]types.AuthConfig',
  entry: 'types.AuthConfig',
  entryPlace: 'ConfigFile.auths',
  fieldPlace: 'AuthConfig.auths',
};

/**
 * Reads an entry as Go decodes a struct of strings; a `string` is Go's text for the first wrong type.
 *
 * @param other - is told of a member that is none of the fields
 */
function decodeEntry(
  node: JsonNode,
  dialect: Dialect,
  other: (key: string, value: JsonNode) => void = () => undefined,
): EntryFields | string {
  const fields: Partial<Record<EntryField, string>> = {};
  let fault: string | undefined;
  if (node.kind === 'null') return fields;
  if (node.kind !== 'object') return cannotUnmarshal(goKind(node), dialect.entry, dialect.entryPlace);
  eachMember(node, (key, value) => {
    const name = matchField(key, dialect.fields);
    if (name === undefined) other(key, value);
    else if (value.kind === 'string') fields[name] = value.value;
    else if (value.kind !== 'null') fault ??= cannotUnmarshal(goKind(value), 'string', `${dialect.fieldPlace}.${name}`);
  });
  return fault ?? fields;
}

/** Go's text for what is no object of strings; `null` stands for an empty one. */
function stringsFault(node: JsonNode, place: string): string | undefined {
  if (node.kind === 'null') return undefined;
  if (node.kind !== 'object') return cannotUnmarshal(goKind(node), 'map[string]string', place);
  let fault: string | undefined;
  eachMember(node, (_, value) => {
    if (value.kind !== 'string' && value.kind !== 'null') fault ??= cannotUnmarshal(goKind(value), 'string', place);
  });
  return fault;
}

/** Reads an object whose values are strings. */
function decodeStrings(node: JsonNode): ReadonlyMap<string, string> {
  const strings = new Map<string, string>();
  if (node.kind === 'object')
    eachMember(node, (key, value) => void strings.set(key, value.kind === 'string' ? value.value : ''));
  return strings;
}

/**
 * The error for a document that cannot be read. Its message quotes nothing of the content: Go's text for a syntax error
 * names the character at fault, which stays in `upstream`.
 *
 * @param where - the place of the fault, when it is not a byte offset
 */
function refuse(
  source: CredentialSource,
  upstream: string,
  { offset, where }: { readonly offset?: number; readonly where?: string } = {},
): InvalidConfigError {
  const origin = source.kind === 'inline' ? '' : ` from ${formatCredentialSource(source)}`;
  const reason = upstream.replace(/^(invalid character) '.+?' /, '$1 ');
  const place = offset === undefined ? (where ?? '') : ` at byte ${offset}`;
  return new InvalidConfigError(`Cannot read docker config${origin}: ${reason}${place}`, { upstream, offset });
}
