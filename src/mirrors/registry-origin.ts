import { ImageError } from '../errors/index.js';
import { quote } from '../internal/index.js';

/**
 * Where the registry of a reference answers.
 *
 * @param domain - the reference's domain
 * @param options - `plainHttp` for a registry that the operator has opted in as insecure
 * @returns an origin, such as `https://registry-1.docker.io` for `docker.io`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when the domain is no host, as in `ex_ample.com/foo`
 * @example
 * ```ts
 * import { registryOrigin } from 'kubepull/mirrors';
 *
 * registryOrigin('docker.io'); // 'https://registry-1.docker.io'
 * ```
 * @public
 */
export function registryOrigin(
  domain: string,
  { plainHttp = false }: { readonly plainHttp?: boolean | undefined } = {},
): string {
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
