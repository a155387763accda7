import type { CallOptions } from '../clock/index.js';
import { ImageError } from '../errors/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { type EndpointCapability, printable, quote, redactUrl, type RegistryEndpoint } from '../internal/index.js';
import type { ImageName, ImageReference } from '../reference/index.js';

/**
 * Says where an image is pulled from, first choice first. Nothing is added to the answer: the image's own registry is
 * asked where it stands in the list, and not at all when it does not. An empty list is the image's own registry alone.
 *
 * @see {@link createMirrorEndpoints} and `readHostsToml`, `readRegistriesConf` of `kubepull/node`, which make one
 * @public
 */
export type RegistryEndpoints = (
  ref: ImageReference,
  options?: CallOptions,
) => readonly RegistryEndpoint[] | Promise<readonly RegistryEndpoint[]>;

const ACTION = 'Cannot make an endpoint';

/** What an endpoint without restrictions does. */
const ALL: readonly EndpointCapability[] = ['pull', 'resolve'];

/**
 * The endpoint that an image has by its name alone: its own registry.
 *
 * @param ref - the image
 * @param options - `plainHttp` for a registry that the operator has opted in as insecure
 * @returns the endpoint, which may be asked for everything
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when the domain is no host, or an argument is of the wrong kind
 * @example
 * ```ts
 * import { createUpstreamEndpoint } from 'kubepull/mirrors';
 * import { parseReference } from 'kubepull/reference';
 *
 * createUpstreamEndpoint(parseReference('nginx')).origin; // 'https://registry-1.docker.io'
 * ```
 * @public
 */
export function createUpstreamEndpoint(
  ref: ImageReference,
  options: { readonly plainHttp?: boolean | undefined } = {},
): RegistryEndpoint {
  check(ACTION, { ref }, { ref: is.referenceText });
  return {
    origin: getRegistryOrigin(ref.domain, options),
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
 * import { createMirrorEndpoint } from 'kubepull/mirrors';
 * import { parseReference } from 'kubepull/reference';
 *
 * const { repository } = createMirrorEndpoint('https://harbor.example.com/v2/hub', parseReference('nginx'));
 * repository; // 'hub/library/nginx'
 * ```
 * @public
 */
export function createMirrorEndpoint(
  url: string,
  ref: ImageReference,
  options: { readonly capabilities?: readonly EndpointCapability[] | undefined } = {},
): RegistryEndpoint {
  check(ACTION, { url, ref }, { url: is.text, ref: is.referenceText });
  check<typeof options>(ACTION, options, { capabilities: is.optional(capabilitiesKind) });
  const { capabilities = ALL } = options;
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

const capabilitiesKind = /* @__PURE__ */ is.listOf(/* @__PURE__ */ is.oneOf('pull', 'resolve'));

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

/** More endpoints for one image than any operator writes down. */
const MAX_ENDPOINTS = 64;
const API_PATH = /^(?:\/[\w.~-]+)*$/;
const REPOSITORY = /^[a-z0-9._-]+(?:\/[a-z0-9._-]+)*$/;

/**
 * Checks endpoints before anything is sent, however they were made.
 *
 * @param endpoints - such as a {@link RegistryEndpoints} function gives them
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is not an origin, a path or repository that would make another
 * URL than it says, or more than 64 endpoints
 * @example
 * ```ts
 * import { checkEndpoints, createUpstreamEndpoint } from 'kubepull/mirrors';
 * import { parseReference } from 'kubepull/reference';
 *
 * checkEndpoints([createUpstreamEndpoint(parseReference('nginx'))]);
 * ```
 * @public
 */
export function checkEndpoints(endpoints: readonly RegistryEndpoint[]): void {
  check('Cannot use endpoints', { endpoints }, { endpoints: is.listOf(endpointKind) });
  if (endpoints.length > MAX_ENDPOINTS) {
    const words = `Cannot use ${endpoints.length} endpoints for one image: at most ${MAX_ENDPOINTS} are allowed`;
    throw new ImageError('ERR_OPTION_INVALID', words);
  }
  for (const endpoint of endpoints) checkEndpoint(endpoint);
}

const endpointKind = /* @__PURE__ */ is.shape(
  {
    origin: is.text,
    apiPath: is.text,
    repository: is.text,
    namespace: /* @__PURE__ */ is.optional(is.text),
    capabilities: capabilitiesKind,
    upstream: is.bool,
    anonymous: is.bool,
  },
  'an endpoint, such as createMirrorEndpoint() gives',
);

function checkEndpoint({ origin, apiPath, repository }: RegistryEndpoint): void {
  const flaw =
    (!isOrigin(origin) && 'it is not an origin') ||
    ((!API_PATH.test(apiPath) || hasDots(apiPath)) && 'its API path is not a plain path') ||
    ((!REPOSITORY.test(repository) || hasDots(repository)) && 'its repository is not a repository name');
  if (flaw === false) return;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot use endpoint ${printable(redactUrl(origin))}: ${flaw}`);
}

function isOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

function hasDots(path: string): boolean {
  return path.split('/').some((part) => part === '.' || part === '..');
}

/**
 * The name by which credentials for an endpoint are looked up: its own host and repository, never those of the registry
 * that it mirrors. For an image's own registry it is the image's name.
 *
 * @param endpoint - the endpoint that is contacted
 * @param ref - the image
 * @returns such as `library/nginx` of `mirror.example.com`
 */
export function credentialName({ origin, repository }: RegistryEndpoint, ref: ImageReference): ImageName {
  const url = new URL(origin);
  const plainHttp = url.protocol === 'http:';
  // What is asked decides, not what the endpoint calls itself; the image's own spelling may have a default port.
  if (isOriginOf(ref.domain, origin, plainHttp)) return { domain: ref.domain, path: repository };
  return { domain: isOriginOf('docker.io', origin, plainHttp) ? 'docker.io' : url.host, path: repository };
}

function isOriginOf(domain: string, origin: string, plainHttp: boolean): boolean {
  try {
    return getRegistryOrigin(domain, { plainHttp }) === origin;
  } catch {
    return false;
  }
}

/**
 * Where the registry of a reference answers.
 *
 * @param domain - the reference's domain
 * @param options - `plainHttp` for a registry that the operator has opted in as insecure
 * @returns an origin, such as `https://registry-1.docker.io` for `docker.io`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when the domain is no host, as in `ex_ample.com/foo`
 * @example
 * ```ts
 * import { getRegistryOrigin } from 'kubepull/mirrors';
 *
 * getRegistryOrigin('docker.io'); // 'https://registry-1.docker.io'
 * ```
 * @public
 */
export function getRegistryOrigin(domain: string, options: { readonly plainHttp?: boolean | undefined } = {}): string {
  check('Cannot reach a registry', { domain }, { domain: is.text });
  check<typeof options>('Cannot reach a registry', options, { plainHttp: is.optional(is.bool) });
  const { plainHttp = false } = options;
  const host = domain === 'docker.io' ? 'registry-1.docker.io' : domain;
  let url: URL | undefined;
  try {
    url = new URL(`${plainHttp ? 'http' : 'https'}://${host}/`);
  } catch {
    url = undefined;
  }
  // The grammar lets more through than a URL: what the URL made of it must still be the same host.
  if (url !== undefined && host !== '' && url.pathname === '/' && url.username === '' && /^[\w.:[\]-]+$/.test(host))
    return url.origin;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot reach registry ${quote(domain)}: it is not a host`);
}
