import type { CallOptions } from '../clock/index.js';
import { type Credential, type DockerConfig, parseDockerConfig } from '../docker-config/index.js';
import { type AnyImageError, ImageError, isImageError } from '../errors/index.js';
import { check, reasonOf } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { quote, untilAbort } from '../internal/index.js';
import { readEntry, shownRegistry } from './entries.js';

/**
 * Asks one of Docker's credential helpers for the credential of a server; `undefined` when it has none. On Node that is
 * `createDockerHelper` of `kubepull/node`.
 *
 * @param helper - the suffix of the program's name, `docker-credential-<helper>`
 * @param server - the key of the registry in the docker config
 * @public
 */
export type AskHelper = (
  helper: string,
  server: string,
  options: CallOptions,
) => Promise<Credential | undefined> | Credential | undefined;

/**
 * How a person's docker config becomes entries of a pull secret.
 *
 * @public
 */
export interface ResolvePullSecretEntriesOptions extends CallOptions {
  /**
   * Asks a credential helper for the credential of a registry.
   *
   * @defaultValue none: registries that a helper keeps are left out, and told
   */
  readonly askHelper?: AskHelper | undefined;
  /** The keys to take, as they stand in the file. @defaultValue all of them */
  readonly registries?: readonly string[] | undefined;
}

/**
 * A registry of a docker config that does not become an entry.
 *
 * @public
 */
export interface OmittedRegistry {
  /** The key, without user info and query. */
  readonly registry: string;
  /**
   * `absent`: the file does not have it; `helper`: a helper keeps it and could not be asked; `no-credential`: the helper, or the
   * file, has none for it; `unusable`: kubelet could not read it, as an identity token, or no image matches its key.
   */
  readonly reason: 'absent' | 'helper' | 'no-credential' | 'unusable';
  /** The reason in words. */
  readonly message: string;
  /** What the helper failed with; `undefined` for every other reason. */
  readonly error: AnyImageError | undefined;
}

/**
 * The credentials of a docker config that a pull secret can hold.
 *
 * @public
 */
export interface ResolvedEntries {
  /** For `entries` of `createPullSecret`, or `set` of `applyPullSecretUpdate`. */
  readonly entries: Readonly<Record<string, Credential>>;
  /** The registries that are left out, with reasons. */
  readonly omitted: readonly OmittedRegistry[];
}

const ACTION = 'Cannot read the docker config for a pull secret';

/**
 * Reads a person's docker config, and has its credential helpers asked, so that a pull secret can be made of it. In a secret
 * kubelet ignores helpers and tokens, which is why a file that is copied as it is works on no node.
 *
 * A helper that is named for a registry counts alone, as with Docker. What cannot go into a secret is told and left out.
 *
 * @param config - the content of the file
 * @param options - how helpers are asked, and which registries are wanted
 * @returns the entries, and the registries that are left out
 * @throws {@link InvalidConfigError} for a file that cannot be read
 * @throws {@link ImageError} `ERR_OPTION_INVALID`
 * @example
 * ```ts
 * import { createPullSecret, resolvePullSecretEntries } from 'kubepull/pull-secrets';
 *
 * const config = '{"auths":{"r.example":{"auth":"dXNlcjpwYXNz"},"r2.example":{}},"credsStore":"desktop"}';
 * const { entries, omitted } = await resolvePullSecretEntries(config, { registries: ['r.example'], askHelper: () => undefined });
 * omitted[0]?.reason; // 'no-credential'
 * createPullSecret({ name: 'creds', entries });
 * ```
 * @public
 */
export async function resolvePullSecretEntries(
  config: string | Uint8Array,
  options: ResolvePullSecretEntriesOptions = {},
): Promise<ResolvedEntries> {
  check<ResolvePullSecretEntriesOptions>(ACTION, options, {
    ...is.callOptions,
    askHelper: is.optional(is.callable),
    registries: is.optional(is.listOf(is.text)),
  });
  const { signal } = options;
  signal?.throwIfAborted();
  const parsed = parseDockerConfig(config, { mode: 'docker' });
  const inFile = [...new Set([...parsed.entries, ...parsed.credHelpers].map(({ pattern }) => pattern))];
  const entries: [string, Credential][] = [];
  const omitted: OmittedRegistry[] = [];
  for (const key of new Set(options.registries ?? inFile)) {
    const found = inFile.includes(key) || parsed.credsStore ? await resolveOne(key, parsed, options) : ABSENT;
    if ('credential' in found) entries.push([key, found.credential]);
    else omitted.push({ error: undefined, ...found, registry: shownRegistry(key) });
  }
  return { entries: Object.fromEntries(entries), omitted };
}

type Omission = Pick<OmittedRegistry, 'reason' | 'message'> & { readonly error?: AnyImageError };

const ABSENT: Omission = { reason: 'absent', message: 'The file has no such registry' };

async function resolveOne(
  key: string,
  { entries, credHelpers, credsStore }: DockerConfig,
  { askHelper, signal }: ResolvePullSecretEntriesOptions,
): Promise<{ readonly credential: Credential } | Omission> {
  const helper = credHelpers.find(({ pattern }) => pattern === key)?.helper ?? (credsStore || undefined);
  let credential = entries.find(({ pattern }) => pattern === key)?.credential;
  if (helper !== undefined) {
    if (askHelper === undefined)
      return { reason: 'helper', message: `The helper ${quote(helper)} keeps it; pass askHelper` };
    try {
      credential = await untilAbort(Promise.resolve(askHelper(helper, key, { signal })), signal);
    } catch (error) {
      signal?.throwIfAborted();
      // What a helper of somebody's own throws may quote what it was told.
      const message = isImageError(error) ? error.message : 'The helper failed';
      return { reason: 'helper', message, ...(isImageError(error) ? { error } : {}) };
    }
  }
  if (credential === undefined || isEmpty(credential))
    return {
      reason: 'no-credential',
      message: `${helper === undefined ? 'The file' : 'The helper'} has no credential for it`,
    };
  try {
    readEntry(key, credential);
    return { credential };
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return { reason: 'unusable', message: reasonOf(error) };
  }
}

function isEmpty({ username, password, identityToken, registryToken }: Credential): boolean {
  return username === '' && password.reveal() === '' && identityToken === undefined && registryToken === undefined;
}
