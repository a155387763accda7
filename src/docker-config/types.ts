import type { CredentialSource } from '../internal/index.js';
import type { Secret } from './secret.js';

/**
 * What a registry is shown. Kubelet sends user name and password only; the tokens are Docker's.
 *
 * @public
 */
export interface Credential {
  /** The user name; empty where there is a token only. */
  readonly username: string;
  /** The password; empty where there is a token only. */
  readonly password: Secret;
  /** Docker's `identitytoken`: an OAuth2 refresh token. Kubelet ignores it. */
  readonly identityToken: Secret | undefined;
  /** Docker's `registrytoken`: a bearer token sent as it is. Kubelet ignores it. */
  readonly registryToken: Secret | undefined;
  /** Docker's `email`: never sent, but part of the hash in kubelet's pulled records. */
  readonly email: string | undefined;
}

/**
 * One entry of `auths`, with its place.
 *
 * @public
 */
export interface DockerConfigEntry {
  /** The key as it stands in the file. */
  readonly pattern: string;
  /** The credential of the entry. */
  readonly credential: Credential;
  /** Where the entry comes from, such as a secret or a file. */
  readonly source: CredentialSource;
}

/**
 * How a docker config document is read.
 *
 * @public
 */
export interface ParseDockerConfigOptions {
  /**
   * Whose rules hold: `kubelet`'s, where one bad entry spoils the document; `lenient`, the same but that a bad entry is
   * skipped and reported; or `docker`'s, which knows tokens and helpers.
   *
   * @defaultValue `'kubelet'`
   */
  readonly mode?: 'kubelet' | 'lenient' | 'docker' | undefined;
  /**
   * `dockercfg` is the old form without the level `auths`.
   *
   * @defaultValue `'dockerconfigjson'`
   */
  readonly format?: 'dockerconfigjson' | 'dockercfg' | undefined;
  /**
   * Where the document came from, kept with every entry and named in errors.
   *
   * @defaultValue `{ kind: 'inline' }`
   */
  readonly source?: CredentialSource | undefined;
  /** The largest document that is read, in bytes of UTF-8. @defaultValue 4 MiB */
  readonly maxBytes?: number | undefined;
  /** The most entries that it may have; the same limit holds for `credHelpers`. @defaultValue 10,000 */
  readonly maxEntries?: number | undefined;
  /** How many levels deep its JSON may be nested. @defaultValue 64 */
  readonly maxDepth?: number | undefined;
}

/**
 * A docker config document, read.
 *
 * @public
 */
export interface DockerConfig {
  /** In the order of the document. */
  readonly entries: readonly DockerConfigEntry[];
  /** Bad entries; only the lenient mode has any. */
  readonly skipped: readonly SkippedEntry[];
  /** What the document holds and kubelet ignores; empty in Docker's mode. */
  readonly ignored: readonly IgnoredField[];
  /** Docker's helper programs by registry. */
  readonly credHelpers: readonly CredentialHelper[];
  /** Docker's helper program for every other registry. */
  readonly credsStore: string | undefined;
}

/**
 * An entry that is left out because it cannot be read.
 *
 * @public
 */
export interface SkippedEntry {
  /** The key of the entry in the document. */
  readonly pattern: string;
  /** Go's text for the fault. */
  readonly upstream: string;
}

/**
 * A part of a docker config that kubelet ignores.
 *
 * @public
 */
export interface IgnoredField {
  /** The field that kubelet ignores. */
  readonly field: 'HttpHeaders' | 'credHelpers' | 'credsStore' | 'identitytoken' | 'registrytoken';
  /** The key of the entry it stands in; `undefined` at the top of the document. */
  readonly pattern: string | undefined;
  /** Why kubelet ignores it, in words. */
  readonly reason: string;
}

/**
 * A credential helper that a docker config names for a registry.
 *
 * @public
 */
export interface CredentialHelper {
  /** The registry, as its key in `credHelpers` is written. */
  readonly pattern: string;
  /** The suffix of the program's name, `docker-credential-<helper>`. */
  readonly helper: string;
}
