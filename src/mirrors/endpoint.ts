import type { CallOptions } from '../clock/index.js';
import type { ImageReference } from '../reference/index.js';

/**
 * What an endpoint may be asked for: tags (`resolve`), or content by its digest (`pull`).
 *
 * @public
 */
export type EndpointCapability = 'pull' | 'resolve';

/**
 * One place that answers for images of a registry: a mirror, or the registry itself.
 *
 * @public
 */
export interface RegistryEndpoint {
  /** Scheme, host and port, such as `https://mirror.example.com`. */
  readonly origin: string;
  /** Where the API begins there: `/v2`, unless the operator gave another path. */
  readonly apiPath: string;
  /** The repository to ask there for; mirrors may keep it under another name. */
  readonly repository: string;
  /** The registry to name in the query `ns`, for pull-through caches that serve several. */
  readonly namespace: string | undefined;
  /** What it may be asked for. */
  readonly capabilities: readonly EndpointCapability[];
  /** Whether it is the image's own registry, not a mirror of it. */
  readonly upstream: boolean;
  /** Whether it is never sent a credential, also when there is one for it. */
  readonly anonymous: boolean;
}

/**
 * Says where an image is pulled from, first choice first. Nothing is added to the answer: the image's own registry is
 * asked where it stands in the list, and not at all when it does not. An empty list is the image's own registry alone.
 *
 * @see {@link mirrorEndpoints} and `readHostsToml`, `readRegistriesConf` of `kubepull/node`, which make one
 * @public
 */
export type RegistryEndpoints = (
  ref: ImageReference,
  options?: CallOptions,
) => readonly RegistryEndpoint[] | Promise<readonly RegistryEndpoint[]>;
