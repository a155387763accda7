import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { CreateHasher } from '../digest/index.js';
import type { Credential } from '../docker-config/index.js';
import { encodeUtf8, quoteJson } from '../internal/index.js';

/**
 * The hash by which kubelet's records know a credential, whatever secret it stands in.
 *
 * It covers user name, password and e-mail. It is not salted: who has the record can try passwords against it. Write it
 * only where kubelet itself would.
 *
 * @param credential - the credential; Docker's tokens do not take part, as kubelet does not read them
 * @param createHasher - where hashes come from, such as `nodeHasher` of `kubepull/node`
 * @returns SHA-256 in lower-case hex
 * @example
 * ```ts
 * import { hashCredential } from 'kubepull/image-access';
 * import { nodeHasher } from 'kubepull/node';
 * import { createCredential } from 'kubepull/docker-config';
 *
 * hashCredential(createCredential({ username: 'u', password: 'p' }), nodeHasher); // edbd57ca…
 * ```
 * @see hashImagePullSecret in kubernetes pkg/credentialprovider/keyring.go, v1.34
 * @public
 */
export function hashCredential(credential: Credential, createHasher: CreateHasher): string {
  check(
    'Cannot hash a credential',
    { credential, createHasher },
    { credential: is.credential, createHasher: is.hasher },
  );
  const fields = [
    ['username', credential.username],
    ['password', credential.password.reveal()],
    ['email', credential.email ?? ''],
  ] as const;
  const members = fields.flatMap(([key, value]) => (value === '' ? [] : [`"${key}":${quoteJson(value)}`]));
  return sha256Hex(`{${members.join(',')}}`, createHasher);
}

function sha256Hex(text: string, createHasher: CreateHasher): string {
  const hasher = createHasher('sha256');
  hasher.update(encodeUtf8(text));
  return hasher.digest().slice('sha256:'.length);
}
