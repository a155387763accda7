import { check, type Kind } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { equalSecrets } from '../internal/index.js';
import { createSecret, type Secret } from './secret.js';
import type { Credential } from './types.js';

/**
 * What {@link createCredential} makes a credential of. Plain text becomes a {@link Secret}.
 *
 * @public
 */
export interface CredentialInput {
  /** The user name. @defaultValue the empty text, as beside an identity token */
  readonly username?: string | undefined;
  /** The password, or a token that is used as one. @defaultValue the empty text */
  readonly password?: string | Secret | undefined;
  /** Docker's `identitytoken`: an OAuth2 refresh token. @defaultValue none */
  readonly identityToken?: string | Secret | undefined;
  /** Docker's `registrytoken`: a bearer token sent as it is. @defaultValue none */
  readonly registryToken?: string | Secret | undefined;
  /** Docker's `email`. @defaultValue none */
  readonly email?: string | undefined;
}

/**
 * Makes a credential that shows none of its secrets.
 *
 * @param input - what is known of it
 * @returns the credential, with every field
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a field that is neither text nor, where it may be, a secret
 * @example
 * ```ts
 * import { createCredential } from 'kubepull/docker-config';
 * import { createKeyring } from 'kubepull/keyring';
 *
 * const credential = createCredential({ username: 'ci', password: 's3cr3t' });
 * createKeyring([{ pattern: 'registry.example.com', credential, source: { kind: 'inline' } }]);
 * ```
 * @public
 */
export function createCredential(input: CredentialInput): Credential {
  check('Cannot make a credential', { input }, { input: INPUT });
  const { username = '', password = '', identityToken, registryToken, email } = input;
  return {
    username,
    password: toSecret(password),
    identityToken: toSecret(identityToken),
    registryToken: toSecret(registryToken),
    email,
  };
}

/** A secret of another copy of the package is one as well. */
export const textOrSecret: Kind = /* @__PURE__ */ is.either(is.text, is.secret);
const OPTIONAL_TEXT = /* @__PURE__ */ is.optional(is.text);
const OPTIONAL_SECRET = /* @__PURE__ */ is.optional(textOrSecret);
const INPUT = /* @__PURE__ */ is.shape({
  username: OPTIONAL_TEXT,
  password: OPTIONAL_SECRET,
  identityToken: OPTIONAL_SECRET,
  registryToken: OPTIONAL_SECRET,
  email: OPTIONAL_TEXT,
});

export function toSecret<Other extends Secret | undefined>(value: string | Other): Secret | Other {
  return typeof value === 'string' ? createSecret(value) : value;
}

/** What a registry is told of a credential, as one text, which holds its secrets: for comparing, never for showing. */
export function credentialText({ username, password, identityToken, registryToken }: Credential): string {
  return JSON.stringify([username, password.reveal(), identityToken?.reveal(), registryToken?.reveal()]);
}

/** Whether a registry could not tell two credentials apart. */
export function equalCredentials(a: Credential, b: Credential | undefined): boolean {
  return b !== undefined && equalSecrets(credentialText(a), credentialText(b));
}
