import type {
  ImagePullCredentials,
  ImagePulledRecord,
  ObjectCoordinates,
  RecordedSecret,
} from '../../image-access/index.js';
import { type JsonMember, type JsonNode, printable, readJson } from '../../internal/index.js';
import { RECORDS_VERSION, ZERO_TIME } from './records-encode.js';

/** What kubelet 1.33 and 1.34 wrote; the fields are the same. */
const OLD_VERSION = 'kubelet.config.k8s.io/v1alpha1';

const TIME = /^\d{4}-\d{2}-(\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d([.,]\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** A document, or why it cannot be decoded. */
export type Decoded<T> =
  | {
      readonly ok: true;
      readonly value: T;
      /** Whether kubelet would write it in the same version. */ readonly isCurrent: boolean;
    }
  | { readonly ok: false; readonly reason: string };

/** A fault in a document; nobody outside sees it. */
class Fault extends Error {}

/** Reads an intent with kubelet's strict decoder: unknown and repeated fields spoil the document. */
export function decodeIntent(bytes: Uint8Array): Decoded<string> {
  return decode(bytes, 'ImagePullIntent', ['image'], (fields) => text(fields.get('image')));
}

/** Reads a record in the same way. */
export function decodeRecord(bytes: Uint8Array): Decoded<ImagePulledRecord> {
  const names = ['lastUpdatedTime', 'imageRef', 'credentialMapping'];
  return decode(bytes, 'ImagePulledRecord', names, (fields) => ({
    imageRef: text(fields.get('imageRef')),
    lastUpdatedAt: time(fields.get('lastUpdatedTime')),
    credentialMapping: new Map(
      members(fields.get('credentialMapping')).map(({ key, value }) => [key, credentials(value)] as const),
    ),
  }));
}

type Fields = ReadonlyMap<string, JsonNode>;

function decode<T>(bytes: Uint8Array, kind: string, names: readonly string[], read: (fields: Fields) => T): Decoded<T> {
  const document = readJson(bytes);
  if (!document.ok) return { ok: false, reason: printable(document.upstream) };
  try {
    const fields = struct(document.node, ['kind', 'apiVersion', ...names]);
    const version = text(fields.get('apiVersion'));
    if (text(fields.get('kind')) !== kind) throw new Fault(`it is not of kind ${kind}`);
    if (version !== RECORDS_VERSION && version !== OLD_VERSION) throw new Fault('its apiVersion is unknown');
    return { ok: true, value: read(fields), isCurrent: version === RECORDS_VERSION };
  } catch (error) {
    if (error instanceof Fault) return { ok: false, reason: error.message };
    throw error;
  }
}

function credentials(node: JsonNode): ImagePullCredentials {
  const fields = struct(node, ['kubernetesSecrets', 'kubernetesServiceAccounts', 'nodePodsAccessible']);
  return {
    kubernetesSecrets: items(fields.get('kubernetesSecrets')).map(secret),
    kubernetesServiceAccounts: items(fields.get('kubernetesServiceAccounts')).map(account),
    nodePodsAccessible: flag(fields.get('nodePodsAccessible')),
  };
}

function secret(node: JsonNode): RecordedSecret {
  const fields = struct(node, ['uid', 'namespace', 'name', 'credentialHash']);
  return { ...coordinates(fields), credentialHash: text(fields.get('credentialHash')) };
}

function account(node: JsonNode): ObjectCoordinates {
  return coordinates(struct(node, ['uid', 'namespace', 'name']));
}

function coordinates(fields: Fields): ObjectCoordinates {
  return { uid: text(fields.get('uid')), namespace: text(fields.get('namespace')), name: text(fields.get('name')) };
}

/** The members of an object that may have these fields and no others, in their exact spelling. */
function struct(node: JsonNode, names: readonly string[]): Fields {
  const found = members(node);
  const unknown = found.find(({ key }) => !names.includes(key));
  if (unknown !== undefined) throw new Fault('it has an unknown field');
  return new Map(found.map(({ key, value }) => [key, value]));
}

/** As in Go, `null` stands for the zero value everywhere. */
function members(node: JsonNode | undefined): readonly JsonMember[] {
  if (node === undefined || node.kind === 'null') return [];
  if (node.kind !== 'object') throw new Fault('it has something else where an object belongs');
  if (new Set(node.members.map(({ key }) => key)).size < node.members.length) throw new Fault('it repeats a field');
  return node.members;
}

function items(node: JsonNode | undefined): readonly JsonNode[] {
  if (node === undefined || node.kind === 'null') return [];
  if (node.kind !== 'array') throw new Fault('it has something else where a list belongs');
  return node.items;
}

function text(node: JsonNode | undefined): string {
  if (node === undefined || node.kind === 'null') return '';
  if (node.kind !== 'string') throw new Fault('it has something else where text belongs');
  return node.value;
}

function flag(node: JsonNode | undefined): boolean {
  if (node === undefined || node.kind === 'null') return false;
  if (node.kind !== 'boolean') throw new Fault('it has something else where true or false belongs');
  return node.value;
}

function time(node: JsonNode | undefined): number {
  if (node === undefined || node.kind === 'null') return ZERO_TIME;
  const value = text(node);
  const [, day = ''] = TIME.exec(value) ?? [];
  const ms = day === '' ? Number.NaN : Date.parse(value.replace(',', '.').replace(/\.(\d{1,3})\d*/, '.$1'));
  // A month that is too short for the day flows over into the next one here, and is refused in Go.
  const local = Date.parse(`${value.slice(0, 10)}T00:00:00Z`);
  if (Number.isNaN(ms) || new Date(local).getUTCDate() !== Number(day)) throw new Fault('its time is not RFC 3339');
  return ms;
}
