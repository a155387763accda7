import type { Clock } from '../clock/index.js';
import { type AuthRules, accountRules } from './accounts.js';
import { type Answer, errorAnswer, jsonAnswer } from './answer.js';
import { authorize } from './authorize.js';
import type { Repositories, Repository } from './repositories.js';
import type { LoopbackRequest } from './request-log.js';
import { isRepository, parseRoute, type Route } from './route.js';
import { serveBlob, serveManifest, serveTags } from './serve.js';
import { serveToken } from './token-endpoint.js';
import type { TokenTable } from './tokens.js';

/** What the registry holds and rules. */
export interface AppState {
  readonly rules: AuthRules;
  readonly clock: Clock;
  readonly repositories: Repositories;
  readonly tokens: TokenTable;
  readonly tokenLifetimeSeconds: number;
}

/** An answer, with what the log wants to know of the request. */
export interface AppAnswer {
  readonly answer: Answer;
  readonly repository: string | undefined;
  readonly account: string | undefined;
}

/** Turns a request into its answer; no sockets here. */
export type App = (request: LoopbackRequest, bodyTooLarge: boolean) => AppAnswer;

const API_VERSION = { 'docker-distribution-api-version': 'registry/2.0' };
const ANY_ORIGIN = 'http://registry.invalid';

export function createApp(state: AppState): App {
  return (request, bodyTooLarge) => {
    const { pathname, searchParams: query } = parseTarget(request.url);
    const route = parseRoute(pathname);
    const repository = 'repository' in route ? route.repository : undefined;
    if (bodyTooLarge) return plain(errorAnswer(413, 'SIZE_INVALID', 'request body too large'), repository);
    if (route.kind === 'token') return serveTokenRoute(state, request, query);
    if (route.kind === 'unknown') return plain(errorAnswer(404, 'UNSUPPORTED', 'no such endpoint'), repository);
    if (repository !== undefined && !isRepository(repository)) {
      return plain(errorAnswer(400, 'NAME_INVALID', 'invalid repository name'), repository);
    }
    const { refusal, account } = authorize(state.rules, state.tokens, {
      repository,
      authorization: request.headers['authorization'],
      origin: originOf(request),
    });
    const answer = refusal ?? serveRoute(state, route, request, query);
    return { answer: { ...answer, headers: { ...API_VERSION, ...answer.headers } }, repository, account };
  };
}

function serveRoute(state: AppState, route: Route, request: LoopbackRequest, query: URLSearchParams): Answer {
  if (request.method !== 'GET' && request.method !== 'HEAD') return methodNotAllowed('GET, HEAD');
  if (!('repository' in route)) return jsonAnswer(200, {});
  const repository = state.repositories.get(route.repository);
  if (repository === undefined) return errorAnswer(404, 'NAME_UNKNOWN', 'repository name not known to registry');
  return serveContent(repository, route, request, query);
}

function serveContent(
  repository: Repository,
  route: Extract<Route, { repository: string }>,
  request: LoopbackRequest,
  query: URLSearchParams,
): Answer {
  switch (route.kind) {
    case 'manifest':
      return serveManifest(repository, route.reference);
    case 'blob':
      return serveBlob(repository, route.reference, request.headers);
    case 'tags':
      return serveTags(route.repository, repository, query);
  }
}

function serveTokenRoute(state: AppState, request: LoopbackRequest, query: URLSearchParams): AppAnswer {
  const { rules, tokens, clock, tokenLifetimeSeconds } = state;
  if (!accountRules(rules).some(({ type }) => type === 'bearer')) {
    return plain(errorAnswer(404, 'UNSUPPORTED', 'no such endpoint'), undefined);
  }
  if (request.method !== 'GET' && request.method !== 'POST') return plain(methodNotAllowed('GET, POST'), undefined);
  const served = serveToken(rules, tokens, clock, tokenLifetimeSeconds, { ...request, query });
  return { ...served, repository: undefined };
}

function methodNotAllowed(allow: string): Answer {
  return errorAnswer(405, 'UNSUPPORTED', 'the operation is unsupported', { allow });
}

function plain(answer: Answer, repository: string | undefined): AppAnswer {
  return { answer, repository, account: undefined };
}

/** Path and query as they were sent: a URL parser would resolve dots and so hide what a client does wrong. */
function parseTarget(target: string): { readonly pathname: string; readonly searchParams: URLSearchParams } {
  const at = target.indexOf('?');
  const pathname = at < 0 ? target : target.slice(0, at);
  return { pathname, searchParams: new URLSearchParams(at < 0 ? '' : target.slice(at + 1)) };
}

/** Where the client says that it reached the registry, so that a name of the test's own works, too. */
function originOf({ headers }: LoopbackRequest): string {
  const host = headers['host'] ?? '';
  return /^[\w.:[\]-]+$/.test(host) ? `http://${host}` : ANY_ORIGIN;
}
