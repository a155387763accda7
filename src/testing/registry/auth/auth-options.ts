/**
 * Somebody whom the registry knows.
 *
 * @beta
 */
export interface LoopbackAccount {
  /** The user name that the registry takes. */
  readonly username: string;
  /** The password that goes with it. */
  readonly password: string;
  /** A refresh token that the token endpoint takes in place of the password: Docker's `identitytoken`. */
  readonly identityToken?: string | undefined;
  /** A bearer token that the registry takes as it is: Docker's `registrytoken`. */
  readonly registryToken?: string | undefined;
  /**
   * Repositories that the account may use, as prefixes.
   *
   * @defaultValue all under its rule
   */
  readonly repositories?: readonly string[] | undefined;
  /**
   * Whether it may push there, too.
   *
   * @defaultValue `true`
   */
  readonly push?: boolean | undefined;
}

/**
 * Open to everybody, also for pushes; an `Authorization` header is ignored.
 *
 * @beta
 */
export interface AnonymousAuth {
  /** Tells this rule apart: nobody is asked for a credential. */
  readonly type: 'anonymous';
}

/**
 * Asks for an account, by Basic authentication or by tokens from the registry's own `/token`.
 *
 * @beta
 */
export interface AccountAuth {
  /** How a client shows who it is: by Basic authentication, or by a token from the registry's own `/token`. */
  readonly type: 'basic' | 'bearer';
  /** The accounts that the registry knows here. */
  readonly accounts: readonly LoopbackAccount[];
  /**
   * Lets those pull who show no credential; pushing takes an account all the same. With `bearer` they still need a token, as at Docker Hub.
   *
   * @defaultValue `false`
   */
  readonly anonymousPull?: boolean | undefined;
  /**
   * The answer to an account that the registry knows, but that may not do what it asks for.
   *
   * @defaultValue `403`
   */
  readonly denied?: 403 | 404 | undefined;
}

/**
 * Who may pull and push what is under a prefix.
 *
 * @beta
 */
export type RepositoryAuth = AnonymousAuth | AccountAuth;
