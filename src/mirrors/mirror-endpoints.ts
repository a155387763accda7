import { ImageError } from '../errors/index.js';
import { plainHttpCheck, wrongOption } from '../internal/index.js';
import type { MirrorRoutes } from './routes.js';
import type { RegistryEndpoints } from './endpoint.js';
import { mirrorEndpoint, upstreamEndpoint } from './make.js';

/**
 * Pulls by mirror routes of `kubepull/rules`: the route's endpoints in order, then the image's own registry, unless the
 * route says that it is not asked.
 *
 * @param routes - what `createMirrorRoutes` made
 * @param options - `plainHttp` names registries (`host` or `host:port`) to speak plain HTTP with, when they are asked
 * themselves; a mirror's URL says it by its scheme
 * @returns the option `endpoints` of a pull
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when an entry of `plainHttp` is no host
 * @example
 * ```ts
 * import { mirrorEndpoints } from 'kubepull/mirrors';
 * import { createMirrorRoutes } from 'kubepull/mirrors';
 *
 * const endpoints = mirrorEndpoints(
 *   createMirrorRoutes([{ match: 'docker.io/**', endpoints: ['https://mirror.example.com'] }]),
 * );
 * ```
 * @public
 */
export function mirrorEndpoints(
  routes: MirrorRoutes,
  { plainHttp = [] }: { readonly plainHttp?: readonly string[] | undefined } = {},
): RegistryEndpoints {
  const wrong = wrongOption(plainHttpCheck(plainHttp));
  if (wrong !== undefined) throw new ImageError('ERR_OPTION_INVALID', `Cannot use mirrors with ${wrong}`);
  return (ref) => {
    const { endpoints, capabilities, upstream } = routes.choose(ref);
    const mirrors = endpoints.map((url) => mirrorEndpoint(url, ref, { capabilities }));
    return upstream ? [...mirrors, upstreamEndpoint(ref, { plainHttp: plainHttp.includes(ref.domain) })] : mirrors;
  };
}
