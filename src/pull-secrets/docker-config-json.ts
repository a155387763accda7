import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { type Credential, createSecret, type DockerConfigEntry, encodeAuth } from '../docker-config/index.js';
import { quoteJson, wellFormed } from '../internal/index.js';
import type { DockerConfigDocument, OmittedEntry } from './types.js';

/**
 * Writes entries as a plain `config.json`, and says which of them it cannot express.
 *
 * A file has one entry per key: the first of several is kept, because it is the one that kubelet tries first. Nor has a
 * file an order: its reader sorts the keys, so entries of the node that stood behind those of the secrets mix with them,
 * and two ways of writing one registry's key follow each other by chance.
 *
 * @param entries - such as {@link mergePullSecrets} returns
 * @returns the document, and the entries that are not in it
 * @example
 * ```ts
 * import { createPullSecret, mergePullSecrets, toDockerConfigJson } from 'kubepull/pull-secrets';
 *
 * const secret = createPullSecret({ name: 'creds', server: 'r.example', username: 'user', password: 'pass' });
 * const { document } = toDockerConfigJson(mergePullSecrets([secret, secret]).entries);
 * document.reveal(); // '{"auths":{"r.example":{"auth":"dXNlcjpwYXNz"}}}'
 * ```
 * @public
 */
export function toDockerConfigJson(entries: Iterable<DockerConfigEntry>): DockerConfigDocument {
  check('Cannot write a docker config', { entries }, { entries: is.iterable });
  const written = new Map<string, string>();
  const omitted: OmittedEntry[] = [];
  for (const entry of entries) {
    check('Cannot write a docker config', { entry }, { entry: is.entry });
    const fields = toFields(entry.credential);
    if (written.has(entry.pattern)) omitted.push({ entry, reason: 'duplicate-key' });
    else if (fields === undefined) omitted.push({ entry, reason: 'unwritable' });
    else written.set(entry.pattern, writeObject(fields));
  }
  const auths = Array.from(written, ([pattern, object]) => `${quoteJson(pattern)}:${object}`);
  return { document: createSecret(`{"auths":{${auths.join(',')}}}`), omitted };
}

/**
 * `auth` keeps any byte but splits at the first colon; the plain fields keep a colon but only text. Readers prefer `auth`.
 */
function toFields(credential: Credential): readonly (readonly [string, string | undefined])[] | undefined {
  const { username, password, email, identityToken, registryToken } = credential;
  const plain = [
    ['username', username],
    ['password', password.reveal()],
  ] as const;
  const hasColon = username.includes(':');
  if (hasColon && plain.some(([, value]) => wellFormed(value) !== value)) return undefined;
  const isEmpty = plain.every(([, value]) => value === '');
  return [
    ...(hasColon ? plain : []),
    ['email', email],
    ['auth', hasColon || isEmpty ? undefined : encodeAuth(username, password)],
    ['identitytoken', identityToken?.reveal()],
    ['registrytoken', registryToken?.reveal()],
  ];
}

/** Fields in the order given; empty ones are left out, as Go's `omitempty` does. */
export function writeObject(fields: readonly (readonly [string, string | undefined])[]): string {
  const members = fields.filter(([, value]) => value).map(([name, value = '']) => `"${name}":${quoteJson(value)}`);
  return `{${members.join(',')}}`;
}
