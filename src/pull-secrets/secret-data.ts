import type { CredentialSource } from '../docker-config/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { metadataKind } from '../kubernetes/inner.js';
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
  return (list ?? []).map((item) => item?.name ?? '');
}

/** Only a caller without types can pass one secret, or the API's whole list object. */
export function* checkSecrets<S extends SecretLike>(secrets: Iterable<S>): Generator<S> {
  check('Cannot read pull secrets', { secrets }, { secrets: is.iterable });
  for (const secret of secrets) {
    checkSecret('Cannot read pull secrets', secret);
    yield secret;
  }
}

/** Values may be of any kind: data that is no text is a fault of the content, not of the call. */
export function checkSecret(action: string, secret: SecretLike): void {
  const values = is.nullable(is.object);
  const kind = is.shape(
    { metadata: metadataKind, type: is.nullable(is.text), data: values, stringData: is.nullable(is.stringMap) },
    'a secret',
  );
  check(action, { secret }, { secret: kind });
}

/** The namespace of an object; the API takes an absent one for `default`. */
export function namespaceOf(metadata: { readonly namespace?: string | undefined } | undefined): string {
  return metadata?.namespace || 'default';
}

export function secretSource({ metadata }: SecretLike): CredentialSource & { readonly kind: 'secret' } {
  return { kind: 'secret', namespace: namespaceOf(metadata), name: metadata?.name ?? '', uid: metadata?.uid };
}
