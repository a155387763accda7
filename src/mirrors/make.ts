import { ImageError } from '../errors/index.js';
import { type EndpointCapability, printable, redactUrl, type RegistryEndpoint } from '../internal/index.js';
import type { ImageReference } from '../reference/index.js';
import { registryOrigin } from './registry-origin.js';

/** What an endpoint does that nobody restricted. */
const ALL: readonly EndpointCapability[] = ['pull', 'resolve'];

/**
 * The endpoint that an image has by its name alone: its own registry.
 *
 * @param ref - the image
 * @param options - `plainHttp` for a registry that the operator has opted in as insecure
 * @returns the endpoint, which may be asked for everything
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when the domain is no host
 * @example
 * ```ts
 * import { upstreamEndpoint } from 'kubepull/mirrors';
 * import { parseReference } from 'kubepull/reference';
 *
 * upstreamEndpoint(parseReference('nginx')).origin; // 'https://registry-1.docker.io'
 * ```
 * @public
 */
export function upstreamEndpoint(
  ref: ImageReference,
  options: { readonly plainHttp?: boolean | undefined } = {},
): RegistryEndpoint {
  return {
    origin: registryOrigin(ref.domain, options),
    apiPath: '/v2',
    repository: ref.path,
    namespace: undefined,
    capabilities: ALL,
    upstream: true,
    anonymous: false,
  };
}

/**
 * The endpoint of a mirror, from its URL. What stands before `/v2` in the URL's path is where the API is; what stands
 * after `/v2/` goes before the repository, as the proxy projects of a Harbor need it; without a `/v2`, one is added.
 *
 * The image's registry is named in the query `ns`, as containerd does; mirrors that serve one registry ignore it.
 *
 * @param url - such as `https://mirror.example.com` or `https://harbor.example.com/v2/hub`
 * @param ref - the image
 * @param options - what it may be asked for, when not for everything
 * @returns the endpoint
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is no http(s) URL, has user info, a query, a fragment or an
 * escape, or changes when it is normalised
 * @example
 * ```ts
 * import { mirrorEndpoint } from 'kubepull/mirrors';
 * import { parseReference } from 'kubepull/reference';
 *
 * const { repository } = mirrorEndpoint('https://harbor.example.com/v2/hub', parseReference('nginx'));
 * repository; // 'hub/library/nginx'
 * ```
 * @public
 */
export function mirrorEndpoint(
  url: string,
  ref: ImageReference,
  { capabilities = ALL }: { readonly capabilities?: readonly EndpointCapability[] | undefined } = {},
): RegistryEndpoint {
  const { origin, path } = parseEndpointUrl(url);
  const at = path.indexOf('v2');
  const [before, below] = at === -1 ? [path, []] : [path.slice(0, at), path.slice(at + 1)];
  return {
    origin,
    apiPath: ['', ...before, 'v2'].join('/'),
    repository: [...below, ref.path].join('/'),
    namespace: ref.domain,
    capabilities,
    upstream: false,
    anonymous: false,
  };
}

/** The form of an endpoint's URL. Whatever needs an escape is left out: two readers could read it in two ways. */
const ENDPOINT_URL = /^https?:\/\/[\w.:[\]-]+(?:\/[\w.~-]+)*\/?$/i;

/**
 * Takes an endpoint's URL apart.
 *
 * @returns its origin, and the parts of its path
 * @throws {@link ImageError} `ERR_OPTION_INVALID`
 */
function parseEndpointUrl(text: string): { readonly origin: string; readonly path: readonly string[] } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw unusable(text, 'it is not a URL');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw unusable(text, 'only http and https are spoken');
  if (url.username !== '' || url.password !== '') throw unusable(text, 'it carries user info');
  if (!ENDPOINT_URL.test(text) || /\/\.{1,2}(?:\/|$)/.test(text))
    throw unusable(text, 'it must be a host and a plain path, without query, fragment and escapes');
  return { origin: url.origin, path: url.pathname.split('/').filter((part) => part !== '') };
}

function unusable(url: string, reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot use endpoint ${printable(redactUrl(url))}: ${reason}`);
}
