import { checkEndpoints, type EndpointCapability, type RegistryEndpoint, upstreamEndpoint } from '../mirrors/index.js';
import type { Digest } from '../digest/index.js';
import { ImageError } from '../errors/index.js';
import { untilAbort } from '../internal/index.js';
import type { ImageReference } from '../reference/index.js';
import type { PullOptions } from './types.js';

/** Where to pull from, in order: what the options say, or the image's own registry. */
export async function findEndpoints(
  ref: ImageReference,
  { endpoints, plainHttp = [], signal }: PullOptions,
): Promise<readonly RegistryEndpoint[]> {
  const asked = Promise.resolve(endpoints?.(ref, { signal }) ?? []);
  const found = await untilAbort(asked, signal);
  signal?.throwIfAborted();
  checkEndpoints(found);
  return found.length > 0 ? found : [upstreamEndpoint(ref, { plainHttp: plainHttp.includes(ref.domain) })];
}

/** @throws {@link ImageError} `ERR_OPTION_INVALID` when there is none */
export function withCapability(
  { name }: ImageReference,
  endpoints: readonly RegistryEndpoint[],
  capability: EndpointCapability,
): readonly RegistryEndpoint[] {
  const able = endpoints.filter(({ capabilities }) => capabilities.includes(capability));
  if (able.length > 0) return able;
  const what = capability === 'resolve' ? 'tags' : 'content';
  throw new ImageError('ERR_OPTION_INVALID', `Cannot pull ${name}: none of its endpoints may be asked for ${what}`);
}

/**
 * Whether the tag must become a digest before anything is pulled. When every endpoint does both, the one that gives the
 * manifest out resolves the tag by that, with one request less.
 */
export function mustResolveFirst({ digest }: ImageReference, endpoints: readonly RegistryEndpoint[]): boolean {
  return digest === undefined && endpoints.some(({ capabilities }) => new Set(capabilities).size === 1);
}

/** The reference as an endpoint knows it: under the endpoint's name, and by the digest once the tag is resolved. */
export function referenceAt(
  ref: ImageReference,
  { origin, repository, upstream }: RegistryEndpoint,
  resolved: Digest | undefined,
): ImageReference {
  const pinned = resolved === undefined ? ref : { ...ref, tag: undefined, digest: resolved };
  if (upstream && repository === ref.path) return pinned;
  const { host } = new URL(origin);
  return { ...pinned, domain: host, path: repository, name: `${host}/${repository}` };
}
