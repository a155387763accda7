import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import {
  type DockerConfig,
  type DockerConfigEntry,
  formatCredentialSource,
  parseDockerConfig,
} from '../docker-config/index.js';
import { InvalidConfigError } from '../errors/index.js';
import { checkSecrets, PULL_SECRET_TYPES, secretSource, secretValue } from './secret-data.js';
import type { MergedPullSecrets, MergePullSecretsOptions, SecretLike, SkippedSecret } from './types.js';

type Mode = NonNullable<MergePullSecretsOptions['mode']>;

/**
 * Merges pull secrets, and after them the node's entries, into one virtual `config.json`: ordered, with the source of
 * every entry, duplicates kept.
 *
 * The type of a secret decides which key is read; a secret of another type, without its key or with an empty value is
 * skipped and reported. For the answers that kubelet gives, make one keyring of the secrets' entries and one of the
 * node's, and unite them.
 *
 * @param secrets - in the order of the pod's list, as {@link selectPullSecrets} returns them
 * @param options - what a malformed secret does, and the node's entries
 * @returns the entries, and the secrets that gave none
 * @throws {@link InvalidConfigError} for a malformed secret, unless lenient; the message names it and quotes nothing
 * @throws {@link ImageError} `ERR_OPTION_INVALID`
 * @example
 * ```ts
 * import { createPullSecret, mergePullSecrets } from 'kubepull/pull-secrets';
 *
 * const secret = createPullSecret({ name: 'creds', server: 'r.example', username: 'user', password: 'pass' });
 * mergePullSecrets([secret]).entries[0]?.source; // { kind: 'secret', namespace: 'default', name: 'creds', uid: undefined }
 * ```
 * @see MakeDockerKeyring in kubernetes pkg/credentialprovider/secrets/secrets.go
 * @public
 */
export function mergePullSecrets(
  secrets: Iterable<SecretLike>,
  options: MergePullSecretsOptions = {},
): MergedPullSecrets {
  check('Cannot merge pull secrets', options, {
    mode: is.optional(is.oneOf('kubelet', 'lenient')),
    nodeConfig: is.optional(is.iterable),
  });
  const { mode = 'kubelet', nodeConfig = [] } = options;
  const entries: DockerConfigEntry[] = [];
  const skipped: SkippedSecret[] = [];
  for (const secret of checkSecrets(secrets)) readSecret(secret, mode, entries, skipped);
  for (const entry of nodeConfig) {
    check('Cannot merge pull secrets', { nodeEntry: entry }, { nodeEntry: is.entry });
    entries.push(entry);
  }
  return { entries, skipped };
}

function readSecret(secret: SecretLike, mode: Mode, entries: DockerConfigEntry[], skipped: SkippedSecret[]): void {
  const name = secret.metadata?.name ?? '';
  const skip = (reason: SkippedSecret['reason'], pattern?: string, upstream?: string): unknown =>
    skipped.push({ name, reason, pattern, upstream });
  const kind = PULL_SECRET_TYPES.find(({ type }) => type === secret.type);
  if (kind === undefined) return void skip('type');
  const value = secretValue(secret, kind.key);
  if (value?.length === 0) return void skip('empty');
  if (value === undefined) return void skip('key');
  try {
    const config = readContent(secret, value, kind, mode);
    for (const { pattern, upstream } of config.skipped) skip('malformed', pattern, upstream);
    for (const entry of config.entries) entries.push(entry);
  } catch (error) {
    if (mode === 'kubelet' || !(error instanceof InvalidConfigError)) throw error;
    skip('malformed', undefined, error.upstream);
  }
}

function readContent(
  secret: SecretLike,
  value: Uint8Array | string,
  { key, format }: (typeof PULL_SECRET_TYPES)[number],
  mode: Mode,
): DockerConfig {
  const source = secretSource(secret);
  if (typeof value !== 'string') return parseDockerConfig(value, { mode, format, source });
  // The API server would not have taken it.
  const message = `Cannot read ${formatCredentialSource(source)}: data[${key}] is ${value}`;
  throw new InvalidConfigError(message, { upstream: value, offset: undefined });
}
