import type { Credential } from '../../docker-config/index.js';
import { RequestRefusedError } from '../../errors/index.js';
import { encodeBase64, encodeUtf8 } from '../../internal/index.js';

/**
 * The `Authorization` of HTTP Basic, in UTF-8 as RFC 7617 allows.
 *
 * @param shown - what messages call the URL that it is for
 * @throws {@link RequestRefusedError} when the user name has a colon, or either a control character
 */
export function basicAuthorization({ username, password }: Credential, shown: string): string {
  const secret = password.reveal();
  if (username.includes(':')) throw unsendable(shown, 'the user name has a colon');
  if (/[\u0000-\u001f\u007f]/.test(username + secret)) throw unsendable(shown, 'it has a control character');
  return `Basic ${encodeBase64(encodeUtf8(`${username}:${secret}`))}`;
}

/** Kubelet hands entries without user and password on as they are; runtimes take them for anonymous. */
export function hasPassword(credential: Credential | undefined): credential is Credential {
  return credential !== undefined && (credential.username !== '' || credential.password.reveal() !== '');
}

/**
 * The `Authorization` of a bearer token.
 *
 * @param shown - what messages call the URL that it is for
 * @throws {@link RequestRefusedError} when no header can have the token
 */
export function bearerAuthorization(token: string, shown: string): string {
  if (!isToken(token)) throw unsendable(shown, 'the token has a character that no header may have');
  return `Bearer ${token}`;
}

/** Visible ASCII, and no more than 64 KiB: what may stand in a header. */
export function isToken(token: string): boolean {
  return token.length > 0 && token.length <= 65_536 && /^[\x21-\x7e]*$/.test(token);
}

/** It comes from a config or a secret, so one bad entry is no reason to give the others up. */
function unsendable(shown: string, because: string): RequestRefusedError {
  return new RequestRefusedError(`Cannot send the credential to ${shown}: ${because}`, {
    url: shown,
    rule: 'unsendable-credential',
  });
}
