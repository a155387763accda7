import { goKind, type JsonNode, matchField } from '../../internal/index.js';
import type { ImageName } from '../../reference/index.js';
import { placeOf } from './key-parts.js';
import { lintEntry } from './entry.js';
import { lintKey } from './key.js';
import { finding } from '../rules/rules.js';
import type { LintFinding } from '../rules/finding.js';

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
