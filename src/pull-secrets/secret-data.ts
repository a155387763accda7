import type { CredentialSource } from '../docker-config/index.js';
import { ImageError } from '../errors/index.js';
import { decodeBase64, encodeUtf8 } from '../internal/index.js';
import type { LocalObjectReferenceLike } from '../kubernetes/index.js';
import type { SecretLike } from './types.js';

/** The two types of pull secret, each with its data key and the form of its content. */
export const PULL_SECRET_TYPES: readonly {
  readonly type: string;
  readonly key: string;
  readonly format: 'dockerconfigjson' | 'dockercfg';
}[] = [
  { type: 'kubernetes.io/dockerconfigjson', key: '.dockerconfigjson', format: 'dockerconfigjson' },
  { type: 'kubernetes.io/dockercfg', key: '.dockercfg', format: 'dockercfg' },
];

/** Every key of a secret; own properties only, since keys are foreign text. */
export function secretKeys({ data, stringData }: SecretLike): readonly string[] {
  return [...new Set([...Object.keys(data ?? {}), ...Object.keys(stringData ?? {})])];
}

/** The bytes under a key, `undefined` when there is no such key, or Go's text when they are not base64. */
export function secretValue(secret: SecretLike, key: string): Uint8Array | string | undefined {
  // YAML may say `data:` or `key:` and nothing behind it, which is empty to the API.
  const [data, stringData] = [secret.data ?? {}, secret.stringData ?? {}];
  if (Object.hasOwn(stringData, key)) return encodeUtf8(stringData[key] ?? '');
  if (!Object.hasOwn(data, key)) return undefined;
  const value: unknown = data[key] ?? '';
  return typeof value === 'string' ? decodeBase64(value, true) : 'no base64 text';
}

/** The names of a list of pull secrets. YAML may have an item or a name that is `null`, which is an empty name to the API. */
export function namesOf(list: readonly LocalObjectReferenceLike[] | undefined): readonly string[] {
  if (!Array.isArray(list ?? [])) throw refuse('imagePullSecrets must be a list of names');
  return (list ?? []).map((item) => item?.name ?? '');
}

/** Only a caller without types can pass one secret, or the API's whole list object. */
export function* checkSecrets(secrets: Iterable<SecretLike>): Generator<SecretLike> {
  const given = secrets as Iterable<SecretLike | null> | null | undefined;
  if (typeof given?.[Symbol.iterator] !== 'function') throw refuse('the secrets must be a list');
  for (const secret of given) {
    if (typeof secret !== 'object' || secret === null) throw refuse('a secret must be an object');
    yield secret;
  }
}

function refuse(reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot read pull secrets: ${reason}`);
}

/** The namespace of an object; the API takes an absent one for `default`. */
export function namespaceOf(metadata: { readonly namespace?: string | undefined } | undefined): string {
  return metadata?.namespace || 'default';
}

export function secretSource({ metadata }: SecretLike): CredentialSource & { readonly kind: 'secret' } {
  return { kind: 'secret', namespace: namespaceOf(metadata), name: metadata?.name ?? '', uid: metadata?.uid };
}
