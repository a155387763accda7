import { ImageError } from '../errors/index.js';
import { printable, redactUrl, type RegistryEndpoint } from '../internal/index.js';
import type { ImageName, ImageReference } from '../reference/index.js';
import { registryOrigin } from './registry-origin.js';

/** More endpoints for one image than any operator writes down. */
const MAX_ENDPOINTS = 64;
const API_PATH = /^(?:\/[\w.~-]+)*$/;
const REPOSITORY = /^[a-z0-9._-]+(?:\/[a-z0-9._-]+)*$/;

/**
 * Checks endpoints before anything is sent, however they were made.
 *
 * @param endpoints - such as a {@link RegistryEndpoints} function gives them
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an origin that is none, a path or repository that would make another
 * URL than it says, or more than 64 endpoints
 * @example
 * ```ts
 * import { checkEndpoints, upstreamEndpoint } from 'kubepull/mirrors';
 * import { parseReference } from 'kubepull/reference';
 *
 * checkEndpoints([upstreamEndpoint(parseReference('nginx'))]);
 * ```
 * @public
 */
export function checkEndpoints(endpoints: readonly RegistryEndpoint[]): void {
  if (endpoints.length > MAX_ENDPOINTS) {
    const words = `Cannot use ${endpoints.length} endpoints for one image: at most ${MAX_ENDPOINTS} are allowed`;
    throw new ImageError('ERR_OPTION_INVALID', words);
  }
  for (const endpoint of endpoints) checkEndpoint(endpoint);
}

function checkEndpoint({ origin, apiPath, repository }: RegistryEndpoint): void {
  const flaw =
    (!isOrigin(origin) && 'it is not an origin') ||
    ((!API_PATH.test(apiPath) || hasDots(apiPath)) && 'its API path is not a plain path') ||
    ((!REPOSITORY.test(repository) || hasDots(repository)) && 'its repository is none');
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
    return registryOrigin(domain, { plainHttp }) === origin;
  } catch {
    return false;
  }
}
