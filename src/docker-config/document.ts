import {
  cannotUnmarshal,
  type CredentialSource,
  goKind,
  type JsonMember,
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
import type {
  Credential,
  CredentialHelper,
  DockerConfig,
  DockerConfigEntry,
  IgnoredField,
  SkippedEntry,
} from './types.js';

interface Reading {
  readonly mode: 'kubelet' | 'lenient' | 'docker';
  readonly format: 'dockerconfigjson' | 'dockercfg';
  readonly source: CredentialSource;
  readonly maxEntries: number;
}

interface Found {
  readonly reading: Reading;
  readonly dialect: Dialect;
  readonly entries: Map<string, DockerConfigEntry>;
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
  if (root.kind === 'object') (flat ? addEntries : readFields)(found, root.members);
  else if (root.kind !== 'null') found.fault = cannotUnmarshal(goKind(root), dialect.document);
  if (found.fault !== undefined) throw refuse(source, found.fault);
  const { entries, skipped, ignored, credHelpers, credsStore } = found;
  return { entries: [...entries.values()], skipped, ignored, credHelpers, credsStore };
}

function readFields(found: Found, members: readonly JsonMember[]): void {
  for (const { key, value } of members) {
    const field = matchField(key, FIELDS);
    if (field === 'auths') readAuths(found, value);
    else if (field !== undefined) readOther(found, field, value);
  }
}

/** Objects merge into what an earlier `auths` gave; `null` takes it all away, as Go sets a map to nil. */
function readAuths(found: Found, node: JsonNode): void {
  const { auths, entryPlace } = found.dialect;
  if (node.kind === 'object') addEntries(found, node.members);
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
  if (fault === undefined && field === 'credHelpers') {
    found.credHelpers = Array.from(decodeStrings(node), ([pattern, helper]) => ({ pattern, helper }));
  } else if (checked) found.fault ??= fault;
}

function addEntries(found: Found, members: readonly JsonMember[]): void {
  const { entries, reading, skipped } = found;
  if (members.length > reading.maxEntries) throw refuse(reading.source, `more than ${reading.maxEntries} entries`);
  for (const [index, { key, value }] of members.entries()) {
    entries.delete(key);
    const credential = readCredential(found, key, value);
    if (typeof credential !== 'string') entries.set(key, { pattern: key, credential, source: reading.source });
    else if (reading.mode === 'lenient') skipped.push({ pattern: key, upstream: credential });
    else throw refuse(reading.source, credential, { where: ` (entry ${index + 1})` });
    if (entries.size > reading.maxEntries) throw refuse(reading.source, `more than ${reading.maxEntries} entries`);
  }
}

function readCredential(found: Found, pattern: string, node: JsonNode): Credential | string {
  const fields = decodeEntry(node, found.dialect);
  if (typeof fields === 'string') return fields;
  const docker = found.reading.mode === 'docker';
  if (!docker) noteTokens(found, pattern, node);
  const auth = fields.get('auth') ?? '';
  const plain = [fields.get('username') ?? '', fields.get('password') ?? ''] as const;
  const parts = auth === '' ? plain : docker ? splitDockerAuth(auth) : splitAuth(auth);
  return typeof parts === 'string' ? parts : toCredential(parts, fields);
}

/** Docker's fields are in `fields` in Docker's mode only. */
function toCredential([username, password]: readonly [string, string], fields: EntryFields): Credential {
  const identityToken = secretOf(fields.get('identitytoken'));
  return {
    username: identityToken === undefined ? username : '',
    password: createSecret(identityToken === undefined ? password : ''),
    identityToken,
    registryToken: secretOf(fields.get('registrytoken')),
    // Empty and absent are one to Go.
    email: fields.get('email') || undefined,
  };
}

function secretOf(value: string | undefined): Secret | undefined {
  return value ? createSecret(value) : undefined;
}

function noteTokens(found: Found, pattern: string, node: JsonNode): void {
  if (node.kind !== 'object') return;
  for (const { key, value } of node.members) {
    const field = matchField(key, TOKENS);
    if (field !== undefined && value.kind !== 'null') found.ignored.push({ field, pattern, reason: REASONS[field] });
  }
}
