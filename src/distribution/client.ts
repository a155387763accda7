import type { Clock } from '../clock/index.js';
import type { CreateHasher } from '../digest/index.js';
import type { Credential } from '../docker-config/index.js';
import { fetchBlob } from './blobs.js';
import { fetchManifest, resolveManifest } from './manifests.js';
import { createSession } from './session.js';
import type { Transport } from './transport.js';
import type { RegistryClient } from './types.js';
import type { RealmPolicy } from './url-policy.js';

/**
 * What a registry client is made of.
 *
 * @public
 */
export interface RegistryClientOptions {
  readonly transport: Transport;
  /** Where the registry is, such as {@link registryOrigin} gives it. */
  readonly origin: string;
  /** Anonymous when absent. */
  readonly credential?: Credential | undefined;
  /**
   * Whether the credential is for this repository's part of the registry only, so that a redirect within the registry
   * does not take it to another.
   *
   * @defaultValue `true`
   */
  readonly pathScoped?: boolean | undefined;
  /** @defaultValue `'guarded'` */
  readonly realmPolicy?: RealmPolicy | undefined;
  readonly createHasher: CreateHasher;
  /** @defaultValue `systemClock` */
  readonly clock?: Clock | undefined;
  /**
   * A number from 0 up to 1, for jitter.
   *
   * @defaultValue the platform's `crypto`
   */
  readonly random?: (() => number) | undefined;
}

/**
 * Makes a client of one registry, for one credential.
 *
 * It answers challenges of the registry's own origin only, fetches tokens for no more than it needs, follows redirects
 * without credentials, and repeats what failed in passing. What it returns is verified where it is in memory.
 *
 * @param options - see {@link RegistryClientOptions}
 * @returns the client; it keeps tokens, and may serve any number of calls at once. Its methods throw
 * {@link RegistryError}, {@link TransportError}, {@link RequestRefusedError}, {@link ContentMismatchError} and
 * `ERR_REGISTRY_DOCUMENT`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when `origin` is not an origin
 * @example
 * ```ts
 * import { createRegistryClient, fetchTransport, registryOrigin } from 'kubepull/distribution';
 * import { parseReference } from 'kubepull/reference';
 * import { nodeHasher } from 'kubepull/node';
 *
 * const ref = parseReference('registry.example.com/app:1');
 * const client = createRegistryClient({
 *   transport: fetchTransport(),
 *   origin: registryOrigin(ref.domain),
 *   createHasher: nodeHasher,
 * });
 * const { digest } = await client.resolve(ref);
 * ```
 * @public
 */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  const session = createSession(options);
  const { createHasher } = options;
  return {
    resolve: (ref, call = {}) => resolveManifest(session, createHasher, ref, call),
    fetchManifest: (ref, call = {}) => fetchManifest(session, createHasher, ref, call),
    fetchBlob: (ref, blob, call = {}) => fetchBlob(session, ref, blob, call),
  };
}
