import type { CallOptions, Clock } from '../clock/index.js';
import { createSecret, type CredentialSource, type DockerConfigEntry, type Secret } from '../docker-config/index.js';
import { type AnyImageError, ImageError, isImageError } from '../errors/index.js';
import {
  createExpiringMap,
  createFlights,
  encodeUtf8,
  equalSecrets,
  type ExpiringMap,
  type Flights,
  printable,
  quote,
  quoteJson,
} from '../internal/index.js';
import type { SourceReport } from '../keyring/index.js';
import { matchImages } from '../match/index.js';
import type { ImageName } from '../reference/index.js';
import { imageNameText } from '../reference/inner.js';
import { runTraced, type Tracing } from '../tracing/index.js';
import { type CacheKeyType, decodeResponse, type PluginResponse, ResponseFault } from './response.js';
import type { CredentialProvider, ExecPlugin, PodIdentity, ServiceAccountAccess, TokenAttributes } from './types.js';

/** What a plugin gave for one image. */
export interface ProvidedCredentials {
  readonly entries: readonly DockerConfigEntry[];
  readonly report: SourceReport;
}

/** One plugin with its cache. It never rejects but for an abort: what fails gives no credential, and says so. */
export interface Provider {
  provide(image: ImageName, pod: PodIdentity | undefined, options: CallOptions): Promise<ProvidedCredentials>;
}

/** What all plugins share. */
export interface ProviderRuntime {
  readonly exec: ExecPlugin;
  readonly clock: Clock;
  readonly serviceAccounts: ServiceAccountAccess | undefined;
  readonly tracing: Tracing | undefined;
}

interface Plugin {
  readonly config: CredentialProvider;
  readonly runtime: ProviderRuntime;
  readonly cache: ExpiringMap<readonly DockerConfigEntry[]>;
  /** Questions that are being asked, by their key. */
  readonly flights: Flights<PluginResponse>;
}

export function createProvider(config: CredentialProvider, runtime: ProviderRuntime): Provider {
  const cache = createExpiringMap<readonly DockerConfigEntry[]>(() => runtime.clock.monotonic());
  const plugin: Plugin = { config, runtime, cache, flights: createFlights() };
  return {
    async provide(name, pod, options) {
      const image = imageNameText(name);
      const matched = matchImages(config.matchImages, name);
      if (!matched.matched) return nothing(plugin, undefined, 'unmatched', 'no pattern of matchImages fits the image');
      try {
        const account = await findServiceAccount(config.tokenAttributes, pod, runtime.serviceAccounts, options);
        options.signal?.throwIfAborted();
        if (account !== undefined && 'notAsked' in account)
          return nothing(plugin, undefined, 'unsuited', account.notAsked);
        return await ask(plugin, image, account, options);
      } catch (error) {
        options.signal?.throwIfAborted();
        const fault = asPluginError(plugin, image, error);
        return nothing(plugin, undefined, 'failed', fault.message, fault);
      }
    },
  };
}

async function ask(
  plugin: Plugin,
  image: string,
  account: ServiceAccountIdentity | undefined,
  options: CallOptions,
): Promise<ProvidedCredentials> {
  const { cache, config } = plugin;
  const source = sourceOf(plugin, account);
  const parts = accountParts(account, config.tokenAttributes?.cacheType);
  for (const type of CACHE_KEY_TYPES) {
    const entries = cache.get(cacheKey(type, image, parts));
    if (entries !== undefined)
      return { entries, report: { source, outcome: 'cached', detail: `by ${type.toLowerCase()}`, error: undefined } };
  }
  // Equal questions at the same time run the plugin once.
  const start = (signal: AbortSignal): Promise<PluginResponse> => run(plugin, image, account, { signal });
  const response = await plugin.flights.share(flightKey(image, account), start, options.signal);
  if (account !== undefined && config.tokenAttributes?.cacheType !== 'Token') refuseToken(response, account);
  const entries = response.auth.map(({ pattern, username, password }) => ({
    pattern,
    credential: {
      username,
      password: createSecret(password),
      identityToken: undefined,
      registryToken: undefined,
      email: undefined,
    },
    source,
  }));
  const duration = response.cacheDurationMs ?? config.defaultCacheDurationMs;
  if (duration > 0) cache.set(cacheKey(response.cacheKeyType, image, parts), entries, duration);
  const kept = duration > 0 ? `kept by ${response.cacheKeyType.toLowerCase()} for ${duration / 1000} s` : 'not kept';
  return { entries, report: { source, outcome: 'fetched', detail: kept, error: undefined } };
}

async function run(
  { config, runtime }: Plugin,
  image: string,
  account: ServiceAccountIdentity | undefined,
  options: CallOptions,
): Promise<PluginResponse> {
  const { name: provider, args, env, apiVersion } = config;
  const stdout = await runTraced(runtime.tracing, 'plugin', { plugin: provider, image }, () =>
    runtime.exec({ provider, args, env, stdin: () => encodeRequest(config, image, account) }, options),
  );
  return decodeResponse(stdout, apiVersion);
}

/** A token that came back as password would be sent to registries, and kept longer than it is good for. */
function refuseToken({ auth }: PluginResponse, { token }: ServiceAccountIdentity): void {
  if (auth.some(({ password }) => equalSecrets(password, token.reveal())))
    throw new ResponseFault('a password is the token of the service account, which only cacheType "Token" allows');
}

function sourceOf({ config }: Plugin, account: ServiceAccountIdentity | undefined): CredentialSource {
  const serviceAccount = account && { namespace: account.namespace, name: account.name, uid: account.uid };
  return { kind: 'plugin', provider: config.name, serviceAccount };
}

function nothing(
  plugin: Plugin,
  account: ServiceAccountIdentity | undefined,
  outcome: SourceReport['outcome'],
  detail: string,
  error?: AnyImageError,
): ProvidedCredentials {
  return { entries: [], report: { source: sourceOf(plugin, account), outcome, detail, error } };
}

/** Errors of the caller's own functions may say anything, so only those of ours are told on. */
function asPluginError({ config }: Plugin, image: string, error: unknown): AnyImageError {
  if (isImageError(error)) return error;
  const reason = error instanceof ResponseFault ? printable(error.message, 512) : 'it failed';
  const text = `Cannot get credentials for ${quote(image)} from plugin ${quote(config.name)}: ${reason}`;
  return new ImageError('ERR_CREDENTIAL_PROVIDER', text, { cause: error });
}

/** On whose behalf a plugin is asked. */
export interface ServiceAccountIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Those that the configuration names. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly token: Secret;
}

/** A plugin that is not asked for this pod, and why; that is no failure. */
export interface NotAsked {
  readonly notAsked: string;
}

/**
 * Finds out on whose behalf to ask: for no account, for a service account, or that the plugin is not to be asked at all.
 *
 * The token is requested before the cache is looked at, as kubelet does it.
 */
async function findServiceAccount(
  attributes: TokenAttributes | undefined,
  pod: PodIdentity | undefined,
  access: ServiceAccountAccess | undefined,
  options: CallOptions,
): Promise<ServiceAccountIdentity | NotAsked | undefined> {
  if (attributes === undefined) return undefined;
  if (pod === undefined || pod.serviceAccountName === '')
    return attributes.requireServiceAccount ? { notAsked: 'the pod has no service account' } : undefined;
  if (access === undefined) return { notAsked: 'service accounts cannot be read here' };
  const { namespace, serviceAccountName: name } = pod;
  const account = await access.get({ namespace, name }, options);
  const annotations = pickAnnotations(account.annotations, attributes);
  if (typeof annotations === 'string')
    return { notAsked: `the service account has no annotation ${quote(annotations)}` };
  const token = await access.createToken(
    {
      namespace,
      serviceAccountName: name,
      serviceAccountUid: account.uid,
      audience: attributes.serviceAccountTokenAudience,
      pod: { name: pod.name, uid: pod.uid },
    },
    options,
  );
  const identity = { namespace, name, uid: account.uid, annotations, token };
  return fitsKey(identity, attributes.cacheType) ? identity : { notAsked: TOO_LARGE };
}

const TOO_LARGE =
  'the annotations of the service account are too large: kubelet gives a plugin less than 65,536 bytes of them';

/** The annotations that the plugin gets, or the key of one that must be there and is not. */
function pickAnnotations(
  all: Readonly<Record<string, string>>,
  attributes: TokenAttributes,
): Readonly<Record<string, string>> | string {
  const { requiredServiceAccountAnnotationKeys: required, optionalServiceAccountAnnotationKeys: optional } = attributes;
  const missing = required.find((key) => !Object.hasOwn(all, key));
  if (missing !== undefined) return missing;
  const wanted = [...required, ...optional].filter((key) => Object.hasOwn(all, key));
  return Object.fromEntries(wanted.map((key) => [key, all[key] ?? '']));
}

/**
 * The request that a plugin reads from its standard input, byte for byte as Go encodes it: one line, empty fields left
 * out. Only v1 of the protocol knows of service accounts.
 *
 * @see CredentialProviderRequest in kubernetes staging/src/k8s.io/kubelet/pkg/apis/credentialprovider
 */
function encodeRequest(
  { apiVersion }: CredentialProvider,
  image: string,
  account: ServiceAccountIdentity | undefined,
): string {
  const token = account?.token.reveal() ?? '';
  const annotations = Object.entries(account?.annotations ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const fields = [
    '"kind":"CredentialProviderRequest"',
    `"apiVersion":${quoteJson(apiVersion)}`,
    `"image":${quoteJson(image)}`,
    ...(token === '' ? [] : [`"serviceAccountToken":${quoteJson(token)}`]),
    ...(annotations.length === 0
      ? []
      : [
          `"serviceAccountAnnotations":{${annotations.map(([key, value]) => `${quoteJson(key)}:${quoteJson(value)}`).join(',')}}`,
        ]),
  ];
  return `{${fields.join(',')}}\n`;
}

/** The order in which a look-up tries the kinds. */
export const CACHE_KEY_TYPES: readonly CacheKeyType[] = ['Image', 'Registry', 'Global'];

/**
 * The key of an answer: what it is good for, and for whom. Parts carry their length, so that no two lists of parts give
 * one key. A key may hold a token; it never leaves the cache.
 *
 * @see generateCacheKey in kubernetes pkg/credentialprovider/plugin/plugin.go
 */
export function cacheKey(type: CacheKeyType, image: string, account: readonly string[]): string {
  const base = { Image: image, Registry: image.split('/', 1)[0] ?? '', Global: '<global>' }[type];
  return joinParts([base, ...account]);
}

/** The parts that tell one service account from another; none at all without. */
export function accountParts(
  account: ServiceAccountIdentity | undefined,
  cacheType: TokenAttributes['cacheType'] | undefined,
): readonly string[] {
  if (account === undefined) return [];
  const { namespace, name, uid, annotations, token } = account;
  const pairs = Object.entries(annotations).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const tokenParts = cacheType === 'Token' ? ['token', token.reveal()] : [];
  return [namespace, name, uid, String(pairs.length), ...pairs.flat(), ...tokenParts];
}

/** What two bytes can count, which is how kubelet writes the length of a part of a key, and of the account's parts together. */
const MAX_KEY_BYTES = 65_535;
/** The digest of a token takes its place in kubelet's key. */
const TOKEN_BYTES = 'token'.length + 'sha256:'.length + 64;

/**
 * Whether kubelet can make a key of a service account. When it cannot, it does not ask the plugin at all.
 *
 * @see generateServiceAccountCacheKey in kubernetes pkg/credentialprovider/plugin/plugin.go
 */
function fitsKey(account: ServiceAccountIdentity, cacheType: TokenAttributes['cacheType']): boolean {
  const { namespace, name, uid, annotations } = account;
  const parts = [namespace, name, uid, ...Object.entries(annotations).flat()];
  const bytes = parts.reduce((sum, part) => sum + LENGTH_BYTES + encodeUtf8(part).length, COUNT_BYTES);
  return bytes + (cacheType === 'Token' ? 2 * LENGTH_BYTES + TOKEN_BYTES : 0) <= MAX_KEY_BYTES;
}

const LENGTH_BYTES = 2;
const COUNT_BYTES = 4;

/** The key under which equal questions are asked once: the image, and with a token also that and the annotations. */
function flightKey(image: string, account: ServiceAccountIdentity | undefined): string {
  return joinParts([image, ...accountParts(account, 'Token')]);
}

function joinParts(parts: readonly string[]): string {
  return parts.map((part) => `${part.length}:${part}`).join('');
}
