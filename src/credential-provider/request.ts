import { quoteJson } from '../internal/index.js';
import type { ServiceAccountIdentity } from './service-account.js';
import type { CredentialProvider } from './types.js';

/**
 * The request that a plugin reads from its standard input, byte for byte as Go encodes it: one line, empty fields left
 * out. Only v1 of the protocol knows of service accounts.
 *
 * @see CredentialProviderRequest in kubernetes staging/src/k8s.io/kubelet/pkg/apis/credentialprovider
 */
export function encodeRequest(
  { apiVersion }: CredentialProvider,
  image: string,
  account: ServiceAccountIdentity | undefined,
): string {
  const token = account?.token.reveal() ?? '';
  const annotations = Object.entries(account?.annotations ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const fields = [
    '"kind":"CredentialProviderRequest"',
    `"apiVersion":${quoteJson(apiVersion)}`,
    `"image":${quoteJson(image)}`,
    ...(token === '' ? [] : [`"serviceAccountToken":${quoteJson(token)}`]),
    ...(annotations.length === 0
      ? []
      : [
          `"serviceAccountAnnotations":{${annotations.map(([key, value]) => `${quoteJson(key)}:${quoteJson(value)}`).join(',')}}`,
        ]),
  ];
  return `{${fields.join(',')}}\n`;
}
