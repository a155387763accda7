import type { Secret } from './secret.js';

/**
 * What a registry is shown. Kubelet sends user name and password only; the tokens are Docker's.
 *
 * @public
 */
export interface Credential {
  readonly username: string;
  readonly password: Secret;
  /** Docker's `identitytoken`: an OAuth2 refresh token. Kubelet ignores it. */
  readonly identityToken: Secret | undefined;
  /** Docker's `registrytoken`: a bearer token sent as it is. Kubelet ignores it. */
  readonly registryToken: Secret | undefined;
  /** Docker's `email`: never sent, but part of the hash in kubelet's pulled records. */
  readonly email: string | undefined;
}

/**
 * Where a credential came from; fit for logs and events, because it names the place and not the secret.
 *
 * @public
 */
export type CredentialSource =
  | { readonly kind: 'secret'; readonly namespace: string; readonly name: string; readonly uid: string | undefined }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'plugin'; readonly provider: string }
  | { readonly kind: 'cloud'; readonly provider: string }
  | { readonly kind: 'inline' }
  | { readonly kind: 'anonymous' };

/**
 * One entry of `auths`, with its place.
 *
 * @public
 */
export interface DockerConfigEntry {
  /** The key as it stands in the file. */
  readonly pattern: string;
  readonly credential: Credential;
  readonly source: CredentialSource;
}
