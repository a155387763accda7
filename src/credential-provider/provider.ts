import type { CallOptions, Clock } from '../clock/index.js';
import { createSecret, type CredentialSource, type DockerConfigEntry } from '../docker-config/index.js';
import { type AnyImageError, ImageError, isImageError } from '../errors/index.js';
import { equalSecrets, printable, quote } from '../internal/index.js';
import type { SourceReport } from '../keyring/index.js';
import { matchImages } from '../match/index.js';
import type { ImageName } from '../reference/index.js';
import { imageNameText } from '../reference/inner.js';
import { traced, type Tracing } from '../tracing/index.js';
import { type AnswerCache, createAnswerCache } from './cache.js';
import { accountParts, CACHE_KEY_TYPES, cacheKey, flightKey } from './cache-key.js';
import { encodeRequest } from './request.js';
import { decodeResponse, type PluginResponse, ResponseFault } from './response.js';
import { findServiceAccount, type ServiceAccountIdentity } from './service-account.js';
import type { CredentialProvider, ExecPlugin, PodIdentity, ServiceAccountAccess } from './types.js';

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
  readonly cache: AnswerCache;
  /** Questions that are being asked, by their key. */
  readonly flights: Map<string, Promise<PluginResponse>>;
}

export function createProvider(config: CredentialProvider, runtime: ProviderRuntime): Provider {
  const plugin: Plugin = { config, runtime, cache: createAnswerCache(runtime.clock), flights: new Map() };
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
        return await ask(plugin, image, account);
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
): Promise<ProvidedCredentials> {
  const { cache, config } = plugin;
  const source = sourceOf(plugin, account);
  const parts = accountParts(account, config.tokenAttributes?.cacheType);
  for (const type of CACHE_KEY_TYPES) {
    const entries = cache.get(cacheKey(type, image, parts));
    if (entries !== undefined)
      return { entries, report: { source, outcome: 'cached', detail: `by ${type.toLowerCase()}`, error: undefined } };
  }
  const response = await runOnce(plugin, image, account);
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

/** Equal questions at the same time run the plugin once; whoever gives up waiting does not end it for the others. */
function runOnce(plugin: Plugin, image: string, account: ServiceAccountIdentity | undefined): Promise<PluginResponse> {
  const { flights } = plugin;
  const key = flightKey(image, account);
  const flight = flights.get(key) ?? run(plugin, image, account).finally(() => flights.delete(key));
  flights.set(key, flight);
  return flight;
}

async function run(
  { config, runtime }: Plugin,
  image: string,
  account: ServiceAccountIdentity | undefined,
): Promise<PluginResponse> {
  const { name: provider, args, env, apiVersion } = config;
  const stdout = await traced(runtime.tracing, 'plugin', { plugin: provider, image }, () =>
    runtime.exec({ provider, args, env, stdin: () => encodeRequest(config, image, account) }),
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
