import { ImageError } from '../errors/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { redactUrl } from '../internal/index.js';
import { createMirrorEndpoint, type RegistryEndpoints, createUpstreamEndpoint } from './endpoints.js';
import type { DecidingRule, RuleSubject } from '../rules/index.js';
import { compileRules, isTooLong } from '../rules/inner.js';

/**
 * Where images of some names are pulled from.
 *
 * @public
 */
export interface MirrorRoute {
  /** Pattern of the names, see {@link createImageRules} for its syntax. */
  readonly match: string;
  /** URLs of the registries to ask, first choice first. */
  readonly endpoints: readonly string[];
  /**
   * What these endpoints may be asked for: tags (`resolve`), or content by its digest (`pull`).
   *
   * @defaultValue both
   */
  readonly capabilities?: readonly ('pull' | 'resolve')[] | undefined;
  /**
   * Whether the image's own registry is asked when all of them failed.
   *
   * @defaultValue `true`
   */
  readonly upstream?: boolean | undefined;
}

/**
 * The endpoints for an image, and the route that named them.
 *
 * @public
 */
export interface MirrorChoice {
  /** First choice first; empty when no route matches, so that the image's own registry is asked. */
  readonly endpoints: readonly string[];
  /** What the endpoints may be asked for. */
  readonly capabilities: readonly ('pull' | 'resolve')[];
  /** Whether the image's own registry is asked after them; always when no route matches. */
  readonly upstream: boolean;
  /** The route that matched, by its place in the list and its pattern; `undefined` when none did. */
  readonly rule: DecidingRule | undefined;
}

/**
 * Compiled mirror routes.
 *
 * @public
 */
export interface MirrorRoutes {
  /** Chooses by the full name of a parsed reference; the first route that matches decides alone. */
  choose(ref: RuleSubject): MirrorChoice;
}

const BOTH = ['pull', 'resolve'] as const;
const OWN_REGISTRY = { endpoints: [], capabilities: BOTH, upstream: true };
/** Whatever needs an escape is left out: two readers could read it in two ways. */
const ENDPOINT = /^https?:\/\/[\w.:[\]-]+(?:\/[\w.~-]+)*\/?$/i;

/**
 * Compiles routes to mirrors, written in picomatch's glob syntax.
 *
 * A credential for the image's own registry is not meant for a mirror: look credentials up by the endpoint asked.
 * `createMirrorEndpoints` of `kubepull/distribution` makes the option of a pull of the routes, which does so.
 *
 * @param routes - the routes; of several that match, the first counts
 * @returns the compiled routes
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a pattern that is malformed or refused, a route without endpoint or
 * capability, or an endpoint that is no http(s) URL or has user info, query, fragment or an escape
 * @example
 * ```ts
 * import { parseReference } from 'kubepull/reference';
 * import { createMirrorRoutes } from 'kubepull/mirrors';
 *
 * const routes = createMirrorRoutes([{ match: 'docker.io/**', endpoints: ['https://mirror.example.com'] }]);
 * routes.choose(parseReference('nginx')).endpoints; // ['https://mirror.example.com']
 * ```
 * @public
 */
export function createMirrorRoutes(routes: readonly MirrorRoute[]): MirrorRoutes {
  check(
    'Cannot compile mirror routes',
    { routes },
    { routes: is.listOf(is.shape({ match: is.anything, endpoints: is.anything, upstream: is.optional(is.bool) })) },
  );
  const choices = routes.map(({ endpoints, capabilities = BOTH, upstream = true }, index) => {
    checkEndpoints(endpoints, index);
    checkCapabilities(capabilities, index);
    return { endpoints: [...endpoints], capabilities: [...capabilities], upstream };
  });
  const rules = compileRules(
    'mirrors',
    routes.map(({ match }) => match),
  );
  return {
    choose: (ref) => {
      const rule = isTooLong(ref) ? undefined : rules.find(ref);
      const { endpoints, capabilities, upstream } = choices[rule?.index ?? -1] ?? OWN_REGISTRY;
      // New lists for each caller: what one does to them is not the next one's route.
      return { endpoints: [...endpoints], capabilities: [...capabilities], upstream, rule };
    },
  };
}

function checkCapabilities(capabilities: readonly string[], index: number): void {
  if (!Array.isArray(capabilities) || !capabilities.every((one) => one === 'pull' || one === 'resolve'))
    throw invalid(index, 'its capabilities must be a list of pull and resolve');
  if (capabilities.length === 0) throw invalid(index, 'its endpoints may be asked for nothing');
}

function checkEndpoints(endpoints: readonly string[], index: number): void {
  if (!Array.isArray(endpoints)) throw invalid(index, 'its endpoints must be a list');
  if (endpoints.length === 0) throw invalid(index, 'it has no endpoint');
  for (const endpoint of endpoints) {
    const flaw = findFlaw(endpoint);
    if (flaw !== undefined) throw invalid(index, `endpoint ${redactUrl(endpoint)} ${flaw}`);
  }
}

function findFlaw(endpoint: string): string | undefined {
  if (!URL.canParse(endpoint)) return 'is malformed';
  const { protocol, username, password, search, hash } = new URL(endpoint);
  if (protocol !== 'https:' && protocol !== 'http:') return 'must begin with https:// or http://';
  if (username + password + search + hash !== '') return 'must have no user info, query and fragment';
  return ENDPOINT.test(endpoint) && !/\/\.{1,2}(?:\/|$)/.test(endpoint)
    ? undefined
    : 'must be a host and a plain path, without escapes';
}

function invalid(index: number, reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot compile mirror route ${index}: ${reason}`);
}

/**
 * Pulls by mirror routes of `kubepull/rules`: the route's endpoints in order, then the image's own registry, unless the
 * route says that it is not asked.
 *
 * @param routes - what `createMirrorRoutes` made
 * @param options - `plainHttp` names registries (`host` or `host:port`) to speak plain HTTP with, when they are asked
 * themselves; a mirror's URL says it by its scheme
 * @returns the option `endpoints` of a pull
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when `routes` are none, or an entry of `plainHttp` is no host
 * @example
 * ```ts
 * import { createMirrorEndpoints } from 'kubepull/mirrors';
 * import { createMirrorRoutes } from 'kubepull/mirrors';
 *
 * const endpoints = createMirrorEndpoints(
 *   createMirrorRoutes([{ match: 'docker.io/**', endpoints: ['https://mirror.example.com'] }]),
 * );
 * ```
 * @public
 */
export function createMirrorEndpoints(
  routes: MirrorRoutes,
  options: { readonly plainHttp?: readonly string[] | undefined } = {},
): RegistryEndpoints {
  check('Cannot use mirrors', { routes }, { routes: is.having('what createMirrorRoutes() gives', 'choose') });
  check<typeof options>('Cannot use mirrors', options, { plainHttp: is.optional(is.plainHttp) });
  const { plainHttp = [] } = options;
  return (ref) => {
    const { endpoints, capabilities, upstream } = routes.choose(ref);
    const mirrors = endpoints.map((url) => createMirrorEndpoint(url, ref, { capabilities }));
    return upstream
      ? [...mirrors, createUpstreamEndpoint(ref, { plainHttp: plainHttp.includes(ref.domain) })]
      : mirrors;
  };
}
