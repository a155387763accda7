import type { Credential, DockerConfigEntry } from '../docker-config/index.js';
import { createCredential, decodeAuth, encodeAuth } from '../docker-config/index.js';
import { ImageError, InvalidConfigError } from '../errors/index.js';
import { type Kind, reasonOf } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { bareKey, findKeyFault, nearestKey, showKey, splitKey } from '../match/inner.js';
import { writeObject } from './docker-config-json.js';
import type { PullSecretEntry } from './types.js';

const textOrSecret = /* @__PURE__ */ is.either(is.text, is.secret);

/** Credentials by the keys of their registries. */
export const entriesKind: Kind = /* @__PURE__ */ is.recordOf(
  /* @__PURE__ */ is.shape(
    {
      username: /* @__PURE__ */ is.optional(is.text),
      password: /* @__PURE__ */ is.optional(textOrSecret),
      email: /* @__PURE__ */ is.optional(is.text),
      auth: /* @__PURE__ */ is.optional(textOrSecret),
    },
    'an entry: { username, password } or { auth }',
  ),
);

/**
 * The entry that kubelet will read under a key.
 *
 * @throws `ERR_OPTION_INVALID` for one that kubelet could not read, or whose key no image matches: the linter's own rules
 */
export function readEntry(registry: string, entry: PullSecretEntry | Credential): DockerConfigEntry {
  const refuse = (reason: string): ImageError<'ERR_OPTION_INVALID'> =>
    new ImageError('ERR_OPTION_INVALID', `Cannot write the entry ${showKey(registry)} of a pull secret: ${reason}`);
  const parts = splitKey(registry);
  const fault = findKeyFault(registry);
  const better = nearestKey(bareKey(parts));
  const cure = better === undefined ? '' : `; write ${showKey(better)}`;
  if (parts.userInfo !== undefined) throw refuse(`KEY_HAS_USER_INFO: a key hides nothing${cure}`);
  if (fault !== undefined) throw refuse(`${fault.code}: ${fault.message}${cure}`);
  const credential = toCredential(entry, refuse);
  const password = credential.password.reveal();
  if (credential.identityToken !== undefined || credential.registryToken !== undefined)
    throw refuse('TOKEN_IGNORED: kubelet reads no tokens of Docker; log in with a user name and a password');
  if (credential.username.includes(':'))
    throw refuse('USERNAME_HAS_COLON: kubelet reads the user name up to its first colon');
  if (credential.username === '' && password === '')
    throw refuse('ENTRY_EMPTY: kubelet would try it as an anonymous pull');
  if (/[\r\n]$/.test(password) && !password.startsWith('{'))
    throw refuse('PASSWORD_ENDS_WITH_NEWLINE: the registry gets the line break as well; write it without');
  return { pattern: registry, credential, source: { kind: 'inline' } };
}

function toCredential(entry: PullSecretEntry | Credential, refuse: (reason: string) => ImageError): Credential {
  if ('auth' in entry && entry.auth !== undefined) {
    const { auth, ...others } = entry;
    // Two that say the same may come apart at the next change.
    if (Object.values(others).some((other) => other !== undefined))
      throw refuse('it has auth and other fields; write only one of both');
    try {
      return createCredential(decodeAuth(typeof auth === 'string' ? auth : auth.reveal()));
    } catch (error) {
      throw error instanceof InvalidConfigError ? refuse(`its auth is not readable: ${reasonOf(error)}`) : error;
    }
  }
  if ('username' in entry && typeof entry.username === 'string' && entry.password !== undefined)
    return createCredential(entry);
  throw refuse('it has neither { username, password } nor { auth }');
}

/** The entry as kubectl writes it: the plain fields, and `auth`, which is what kubelet reads. */
export function writeEntry({ credential: { username, password, email } }: DockerConfigEntry): string {
  return writeObject([
    ['username', username],
    ['password', password.reveal()],
    ['email', email],
    ['auth', encodeAuth(username, password)],
  ]);
}

/** The key without what must not show. */
export function shownRegistry(key: string): string {
  const { scheme, authority, path } = splitKey(key);
  return scheme + authority + path;
}
