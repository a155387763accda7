import { createSecret } from '../docker-config/index.js';
import { InvalidConfigError } from '../errors/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import {
  aggregate,
  goQuote,
  printable,
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  invalidValue,
  required,
  unsupported,
} from '../internal/index.js';
import { decodeConfig, DecodeFault, type RawProvider, type RawTokenAttributes } from './decode-config.js';
import type { CredentialProvider, CredentialProviderConfig } from './types.js';
import { readTarget } from '../match/inner.js';

const ACTION = 'Cannot use credential provider config';

/**
 * A configuration document, parsed from YAML or JSON, and the name of its file.
 *
 * @public
 */
export interface CredentialProviderFile {
  /** The path of the file, for messages. */
  readonly path: string;
  /** The content of the file, decoded from YAML or JSON. */
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
  check(ACTION, { files }, { files: is.iterable });
  checkConfigOptions(options);
  const list = [...files];
  const fileKind = is.shape({ path: is.text, value: is.anything });
  check(ACTION, { files: list }, { files: is.listOf(fileKind) });
  const providers = list.flatMap(({ path, value }) => decode(value, path));
  const names = new Set<string>();
  for (const { name } of providers) {
    if (names.has(name)) throw refuse(`duplicate provider name ${goQuote(name)} found in configuration file(s)`);
    names.add(name);
  }
  return toConfig(providers, options);
}

export function checkConfigOptions(options: CredentialProviderConfigOptions): void {
  check<CredentialProviderConfigOptions>(ACTION, options, {
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
  return new InvalidConfigError(`${ACTION}: ${printable(upstream, 4096)}`, {
    upstream,
    offset: undefined,
  });
}

const PROTOCOL = 'credentialprovider.kubelet.k8s.io';
const PROTOCOLS = [`${PROTOCOL}/v1`, `${PROTOCOL}/v1alpha1`, `${PROTOCOL}/v1beta1`];
const CACHE_TYPES = ['ServiceAccount', 'Token'];
const PLACE = 'providers';
const TOKENS = `${PLACE}.tokenAttributes`;

/** All that kubelet has against the providers, in its order and words. Its places have no index. */
function* validateConfig(
  providers: readonly RawProvider[],
  serviceAccountTokens: boolean,
): Generator<FieldError, void, undefined> {
  if (providers.length === 0) yield required(PLACE, 'at least 1 item in plugins is required');
  const names = new Set<string>();
  for (const provider of providers) {
    yield* validateName(provider.name, names);
    yield* validateProvider(provider);
    if (provider.tokenAttributes !== undefined)
      yield* validateTokens(provider.tokenAttributes, provider.apiVersion, serviceAccountTokens);
  }
}

function* validateName(name: string, seen: Set<string>): Generator<FieldError, void, undefined> {
  const place = `${PLACE}.name`;
  if (name.includes('/')) yield invalid(place, name, "provider name cannot contain '/'");
  if (name.includes(' ')) yield invalid(place, name, 'provider name cannot contain spaces');
  if (name === '.' || name === '..') yield invalid(place, name, `provider name cannot be '${name}'`);
  if (seen.has(name)) yield duplicate(place, name);
  seen.add(name);
}

function* validateProvider(provider: RawProvider): Generator<FieldError, void, undefined> {
  const { apiVersion, matchImages, defaultCacheDuration } = provider;
  if (apiVersion === '') yield required(`${PLACE}.apiVersion`);
  else if (!PROTOCOLS.includes(apiVersion)) yield unsupported(`${PLACE}.apiVersion`, apiVersion, PROTOCOLS);
  const images = `${PLACE}.matchImages`;
  if (matchImages.length === 0) yield required(images, 'at least 1 item in matchImages is required');
  for (const pattern of matchImages) {
    if (readTarget(pattern) === undefined)
      yield invalid(images, pattern, `match image is invalid: parse ${goQuote(`https://${pattern}`)}: not a URL`);
  }
  const duration = `${PLACE}.defaultCacheDuration`;
  if (defaultCacheDuration === undefined) yield required(duration);
  else if (defaultCacheDuration.ms < 0)
    yield invalidValue(duration, goQuote(defaultCacheDuration.text), 'must be greater than or equal to 0');
}

function* validateTokens(
  tokens: RawTokenAttributes,
  apiVersion: string,
  enabled: boolean,
): Generator<FieldError, void, undefined> {
  const { requireServiceAccount, cacheType } = tokens;
  const [needed, optional] = [tokens.requiredServiceAccountAnnotationKeys, tokens.optionalServiceAccountAnnotationKeys];
  if (!enabled)
    yield forbidden(
      TOKENS,
      'tokenAttributes is not supported when KubeletServiceAccountTokenForCredentialProviders feature gate is disabled',
    );
  if (tokens.serviceAccountTokenAudience === '') yield required(`${TOKENS}.serviceAccountTokenAudience`);
  if (requireServiceAccount === undefined) yield required(`${TOKENS}.requireServiceAccount`);
  if (apiVersion !== PROTOCOLS[0])
    yield forbidden(TOKENS, `tokenAttributes is only supported for ${PROTOCOLS[0]} API version`);
  if (requireServiceAccount === false && needed.length > 0)
    yield forbidden(
      `${TOKENS}.requiredServiceAccountAnnotationKeys`,
      'requireServiceAccount cannot be false when requiredServiceAccountAnnotationKeys is set',
    );
  yield* validateKeys(`${TOKENS}.requiredServiceAccountAnnotationKeys`, needed);
  yield* validateKeys(`${TOKENS}.optionalServiceAccountAnnotationKeys`, optional);
  const both = [...new Set(needed)].filter((key) => optional.includes(key)).toSorted();
  if (both.length > 0)
    yield invalidValue(TOKENS, JSON.stringify(both), 'annotation keys cannot be both required and optional');
  if (cacheType === '')
    yield required(
      `${TOKENS}.cacheType`,
      `cacheType is required to be set when tokenAttributes is specified. Supported values are: ${CACHE_TYPES.join(', ')}`,
    );
  else if (!CACHE_TYPES.includes(cacheType)) yield unsupported(`${TOKENS}.cacheType`, cacheType, CACHE_TYPES);
}

function* validateKeys(place: string, keys: readonly string[]): Generator<FieldError, void, undefined> {
  const seen = new Set<string>();
  for (const key of keys) {
    for (const fault of qualifiedNameFaults(key.toLowerCase())) yield invalid(place, key, fault);
    if (seen.has(key)) yield duplicate(place, key);
    seen.add(key);
  }
}

const NAME = /^(?:[a-z\d][-\w.]*)?[a-z\d]$/i;
const SUBDOMAIN = /^[a-z\d](?:[-a-z\d]*[a-z\d])?(?:\.[a-z\d](?:[-a-z\d]*[a-z\d])?)*$/;
const NAME_PART =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const SUBDOMAIN_PART =
  "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const WHOLE =
  "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";

/**
 * What is wrong with the key of an annotation, in Kubernetes' words.
 *
 * @see IsLabelKey in kubernetes apimachinery pkg/api/validate/content
 */
function qualifiedNameFaults(key: string): readonly string[] {
  const parts = key.split('/');
  if (parts.length > 2) return [WHOLE];
  const [name = '', prefix] = parts.toReversed();
  const faults: string[] = [];
  if (prefix === '') faults.push('prefix part must be non-empty');
  else if (prefix !== undefined) {
    if (prefix.length > 253) faults.push('prefix part must be no more than 253 bytes');
    if (!SUBDOMAIN.test(prefix)) faults.push(SUBDOMAIN_PART);
  }
  if (name === '') faults.push('name part must be non-empty');
  else if (name.length > 63) faults.push('name part must be no more than 63 bytes');
  if (!NAME.test(name)) faults.push(NAME_PART);
  return faults;
}
