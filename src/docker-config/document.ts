import {
  cannotUnmarshal,
  countMembers,
  type CredentialSource,
  eachMember,
  goKind,
  type JsonNode,
  matchField,
} from '../internal/index.js';
import { splitAuth, splitDockerAuth } from './auth-field.js';
import {
  CONFIG_JSON,
  decodeEntry,
  decodeStrings,
  type Dialect,
  DOCKER,
  DOCKERCFG,
  type EntryFields,
  stringsFault,
} from './decode.js';
import { refuse } from './refuse.js';
import { createSecret, type Secret } from './secret.js';
import type { Credential, CredentialHelper, DockerConfig, IgnoredField, SkippedEntry } from './types.js';

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
export function readDocument(root: JsonNode, reading: Reading): DockerConfig {
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
