import { check, checkFast } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { InvalidConfigError } from '../errors/index.js';
import { decodeBase64, decodeUtf8, encodeBase64, encodeUtf8 } from '../internal/index.js';
import { textOrSecret, toSecret } from './create-credential.js';
import { createSecret, type Secret } from './secret.js';

/**
 * What an `auth` field holds.
 *
 * @public
 */
export interface DecodedAuth {
  /** What stands before the first colon; it may be empty. */
  readonly username: string;
  /** What stands behind the first colon; it may be empty. */
  readonly password: Secret;
}

/** White space as Go's `strings.TrimSpace` sees it, which decides between the two alphabets' padding rules. */
const ENDS_PADDED = /=[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$/;
const NO_COLON = 'unable to parse auth field, must be formatted as base64(username:password)';

/** Both halves of an `auth` field as kubelet reads it, or Go's error text. */
export function splitAuth(auth: string): readonly [username: string, password: string] | string {
  return splitAtColon(decodeBase64(auth, ENDS_PADDED.test(auth)), NO_COLON);
}

/** The same as Docker reads it: padding is due, the user has a name, and NULs around the password are cut off. */
export function splitDockerAuth(auth: string): readonly [username: string, password: string] | string {
  const invalid = 'invalid auth configuration file';
  const parts = splitAtColon(decodeBase64(auth, true), invalid);
  if (typeof parts === 'string') return parts;
  return parts[0] === '' ? invalid : [parts[0], parts[1].replace(/^\0+/, '').replace(/(?<!\0)\0+$/, '')];
}

function splitAtColon(bytes: Uint8Array | string, upstream: string): readonly [string, string] | string {
  if (typeof bytes === 'string') return bytes;
  const text = decodeUtf8(bytes);
  const colon = text.indexOf(':');
  return colon < 0 ? upstream : [text.slice(0, colon), text.slice(colon + 1)];
}

/**
 * Reads the `auth` field of a docker config entry as kubelet does.
 *
 * Text that ends in `=` is padded standard base64, any other text unpadded; line breaks are skipped, any other white
 * space and the URL-safe letters are refused. The bytes are split at the first colon: a password may hold colons, line
 * breaks and NULs, and either half may be empty. Bytes that are not UTF-8 stand as lone surrogates U+DC80…U+DCFF and
 * turn back into those bytes in {@link encodeAuth}.
 *
 * @param auth - the field's text
 * @returns user name and password
 * @throws {@link InvalidConfigError} with Go's text in `upstream`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is no text
 * @example
 * ```ts
 * import { decodeAuth } from 'kubepull/docker-config';
 *
 * decodeAuth('dXNlcjpwYXNz').username; // 'user'
 * ```
 * @see decodeDockerConfigFieldAuth in kubernetes pkg/credentialprovider/config.go
 * @public
 */
export function decodeAuth(auth: string): DecodedAuth {
  checkFast('Cannot decode auth field', 'auth', auth, is.text);
  const parts = splitAuth(auth);
  if (typeof parts !== 'string') return { username: parts[0], password: createSecret(parts[1]) };
  throw new InvalidConfigError(`Cannot decode auth field: ${parts}`, { upstream: parts, offset: undefined });
}

/**
 * Writes the `auth` field of a docker config entry: padded standard base64 of `username:password`.
 *
 * A user name with a colon is written as it is, but reads back as another pair, because readers split at the first
 * colon; kubectl does the same.
 *
 * @param username - the user name
 * @param password - the password, as text or as the `Secret` that an entry has
 * @returns the field's text; it is a secret, since base64 hides nothing
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is no text
 * @example
 * ```ts
 * import { encodeAuth } from 'kubepull/docker-config';
 *
 * encodeAuth('user', 'pass'); // 'dXNlcjpwYXNz'
 * ```
 * @see encodeDockerConfigFieldAuth in kubectl pkg/cmd/create/create_secret_docker.go
 * @public
 */
export function encodeAuth(username: string, password: string | Secret): string {
  check('Cannot write auth field', { username, password }, { username: is.text, password: textOrSecret });
  return encodeBase64(encodeUtf8(`${username}:${toSecret(password).reveal()}`));
}
