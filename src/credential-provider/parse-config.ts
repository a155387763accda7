import { createSecret } from '../docker-config/index.js';
import { InvalidConfigError } from '../errors/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { aggregate, goQuote, printable } from '../internal/index.js';
import { decodeConfig, DecodeFault, type RawProvider } from './decode-config.js';
import type { CredentialProvider, CredentialProviderConfig } from './types.js';
import { validateConfig } from './validate-config.js';

/**
 * A configuration document, parsed from YAML or JSON, and the name of its file.
 *
 * @public
 */
export interface CredentialProviderFile {
  readonly path: string;
  readonly value: unknown;
}

/**
 * How configurations are read.
 *
 * @public
 */
export interface CredentialProviderConfigOptions {
  /**
   * The feature gate KubeletServiceAccountTokenForCredentialProviders, without which `tokenAttributes` are refused.
   *
   * @defaultValue `true`, as since Kubernetes 1.34
   */
  readonly serviceAccountTokens?: boolean | undefined;
}

/**
 * Reads kubelet's `CredentialProviderConfig` of any of its versions, with kubelet's checks.
 *
 * @param value - the document, parsed from YAML or JSON; of duplicate keys the parser has to complain
 * @param options - see {@link CredentialProviderConfigOptions}
 * @returns the configuration
 * @throws {@link InvalidConfigError} whose `upstream` is kubelet's own text: every fault that its validation finds
 * @example
 * ```ts
 * import { parseCredentialProviderConfig } from 'kubepull/credential-provider';
 *
 * const { providers } = parseCredentialProviderConfig({
 *   apiVersion: 'kubelet.config.k8s.io/v1',
 *   kind: 'CredentialProviderConfig',
 *   providers: [
 *     {
 *       name: 'ecr-credential-provider',
 *       matchImages: ['*.dkr.ecr.*.amazonaws.com'],
 *       defaultCacheDuration: '12h',
 *       apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
 *     },
 *   ],
 * });
 * ```
 * @see decode and validateCredentialProviderConfig in kubernetes pkg/credentialprovider/plugin/config.go
 * @public
 */
export function parseCredentialProviderConfig(
  value: unknown,
  options: CredentialProviderConfigOptions = {},
): CredentialProviderConfig {
  checkConfigOptions(options);
  return toConfig(decode(value, undefined), options);
}

/**
 * Reads the documents of a directory of configurations: the providers of all, one document after the other.
 *
 * @param files - in the order of their names, as kubelet takes them
 * @param options - see {@link CredentialProviderConfigOptions}
 * @returns one configuration
 * @throws {@link InvalidConfigError} as {@link parseCredentialProviderConfig}, and for a name that two files use
 * @example
 * ```ts
 * import { type CredentialProviderFile, mergeCredentialProviderConfigs } from 'kubepull/credential-provider';
 *
 * declare const files: readonly CredentialProviderFile[]; // of one directory, read and parsed
 * const { providers } = mergeCredentialProviderConfigs(files);
 * ```
 * @see readCredentialProviderConfig in kubernetes pkg/credentialprovider/plugin/config.go
 * @public
 */
export function mergeCredentialProviderConfigs(
  files: Iterable<CredentialProviderFile>,
  options: CredentialProviderConfigOptions = {},
): CredentialProviderConfig {
  check('Cannot use credential provider configs', { files }, { files: is.iterable });
  checkConfigOptions(options);
  const list = [...files];
  const fileKind = is.shape({ path: is.text, value: is.anything });
  check('Cannot use credential provider configs', { files: list }, { files: is.listOf(fileKind) });
  const providers = list.flatMap(({ path, value }) => decode(value, path));
  const names = new Set<string>();
  for (const { name } of providers) {
    if (names.has(name)) throw refuse(`duplicate provider name ${goQuote(name)} found in configuration file(s)`);
    names.add(name);
  }
  return toConfig(providers, options);
}

export function checkConfigOptions(options: CredentialProviderConfigOptions): void {
  check<CredentialProviderConfigOptions>('Cannot use credential provider config', options, {
    serviceAccountTokens: is.optional(is.bool),
  });
}

function decode(value: unknown, path: string | undefined): readonly RawProvider[] {
  try {
    return decodeConfig(value);
  } catch (error) {
    if (!(error instanceof DecodeFault)) throw error;
    throw refuse(path === undefined ? error.message : `error decoding config ${goQuote(path)}: ${error.message}`);
  }
}

function toConfig(
  raw: readonly RawProvider[],
  { serviceAccountTokens = true }: CredentialProviderConfigOptions,
): CredentialProviderConfig {
  const faults = Array.from(validateConfig(raw, serviceAccountTokens), ({ message }) => message);
  if (faults.length > 0) throw refuse(`failed to validate credential provider config: ${aggregate(faults)}`);
  return { providers: raw.map(toProvider) };
}

function toProvider({ defaultCacheDuration, env, tokenAttributes, ...rest }: RawProvider): CredentialProvider {
  return {
    ...rest,
    defaultCacheDurationMs: defaultCacheDuration?.ms ?? 0,
    env: env.map(({ name, value }) => ({ name, value: createSecret(value) })),
    tokenAttributes: tokenAttributes && {
      ...tokenAttributes,
      requireServiceAccount: tokenAttributes.requireServiceAccount ?? false,
      cacheType: tokenAttributes.cacheType === 'Token' ? 'Token' : 'ServiceAccount',
    },
  };
}

function refuse(upstream: string): InvalidConfigError {
  return new InvalidConfigError(`Cannot use credential provider config: ${printable(upstream, 4096)}`, {
    upstream,
    offset: undefined,
  });
}
