import { createHash } from 'node:crypto';
import type { ImagePullCredentials, ImagePulledRecord, ObjectCoordinates } from '../../image-access/index.js';
import { encodeUtf8, quoteJson } from '../../internal/index.js';

/** The version that kubelet writes since 1.35. */
export const RECORDS_VERSION = 'kubelet.config.k8s.io/v1beta1';

/** Go's zero time, the first second of the year 1; kubelet writes it as `null`. */
export const ZERO_TIME = -62_135_596_800_000;

/** After the year 9999 RFC 3339 has no form. */
const END_OF_TIME = 253_402_300_800_000;

/** The file that holds the intent of an image string, or the record of an image id. */
export function recordFileName(key: string): string {
  return `sha256-${createHash('sha256').update(encodeUtf8(key)).digest('hex')}`;
}

/** The content of an intent's file, byte for byte as kubelet writes it. */
export function encodeIntent(image: string): string {
  return document('ImagePullIntent', [member('image', quoteJson(image))]);
}

/** The content of a record's file, byte for byte as kubelet writes it. */
export function encodeRecord({ imageRef, lastUpdatedAt, credentialMapping }: ImagePulledRecord): string {
  const entries = [...credentialMapping].toSorted(([a], [b]) => Buffer.compare(encodeUtf8(a), encodeUtf8(b)));
  const mapping = entries.map(([repository, credentials]) => member(repository, encodeCredentials(credentials)));
  return document('ImagePulledRecord', [
    member('lastUpdatedTime', encodeTime(lastUpdatedAt)),
    member('imageRef', quoteJson(imageRef)),
    ...(mapping.length === 0 ? [] : [member('credentialMapping', object(mapping))]),
  ]);
}

function encodeCredentials(credentials: ImagePullCredentials): string {
  const { kubernetesSecrets, kubernetesServiceAccounts, nodePodsAccessible } = credentials;
  const secrets = kubernetesSecrets.map((secret) =>
    object([...coordinates(secret), member('credentialHash', quoteJson(secret.credentialHash))]),
  );
  const accounts = kubernetesServiceAccounts.map((account) => object(coordinates(account)));
  return object([
    ...(secrets.length === 0 ? [] : [member('kubernetesSecrets', `[${secrets.join(',')}]`)]),
    ...(accounts.length === 0 ? [] : [member('kubernetesServiceAccounts', `[${accounts.join(',')}]`)]),
    ...(nodePodsAccessible ? [member('nodePodsAccessible', 'true')] : []),
  ]);
}

function coordinates({ uid, namespace, name }: ObjectCoordinates): readonly string[] {
  return [member('uid', quoteJson(uid)), member('namespace', quoteJson(namespace)), member('name', quoteJson(name))];
}

/** In whole seconds, cut and not rounded. */
function encodeTime(ms: number): string {
  const hasForm = ms > ZERO_TIME && ms < END_OF_TIME;
  return hasForm ? `"${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}Z"` : 'null';
}

/** Go's encoder ends each document with a line feed. */
function document(kind: string, members: readonly string[]): string {
  return `${object([member('kind', quoteJson(kind)), member('apiVersion', quoteJson(RECORDS_VERSION)), ...members])}\n`;
}

function member(key: string, value: string): string {
  return `${quoteJson(key)}:${value}`;
}

function object(members: readonly string[]): string {
  return `{${members.join(',')}}`;
}
