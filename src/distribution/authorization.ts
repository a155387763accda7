import type { Credential } from '../docker-config/index.js';
import { ImageError } from '../errors/index.js';
import { encodeBase64, encodeUtf8 } from '../internal/index.js';

/**
 * The `Authorization` of HTTP Basic, in UTF-8 as RFC 7617 allows.
 *
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when the user name has a colon, or either a control character
 */
export function basicAuthorization({ username, password }: Credential): string {
  const secret = password.reveal();
  if (username.includes(':')) throw unsendable('the user name has a colon');
  if (hasControls(username) || hasControls(secret)) throw unsendable('it has a control character');
  return `Basic ${encodeBase64(encodeUtf8(`${username}:${secret}`))}`;
}

/** The `Authorization` of a bearer token. */
export function bearerAuthorization(token: string): string {
  if (!isToken(token)) throw unsendable('the token has a character that no header may have');
  return `Bearer ${token}`;
}

/** Visible ASCII, and no more than 64 KiB: what may stand in a header. */
export function isToken(token: string): boolean {
  return token.length > 0 && token.length <= 65_536 && /^[\x21-\x7e]*$/.test(token);
}

function hasControls(text: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(text);
}

function unsendable(because: string): ImageError {
  return new ImageError('ERR_OPTION_INVALID', `Cannot send the credential: ${because}`);
}
