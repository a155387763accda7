import type { Clock } from '../../clock/index.js';
import { accountRules, type AuthRules } from './auth/accounts.js';
import { type Answer, errorAnswer } from './http/answer.js';
import { type Asked, authorize } from './auth/authorize.js';
import type { Repositories } from './repositories.js';
import type { LoopbackRequest } from './request-log.js';
import { isRepository, parseRoute, type Route } from './route.js';
import { serveRoute } from './serve-route.js';
import { serveToken } from './auth/token-endpoint.js';
import type { TokenTable } from './auth/tokens.js';
import type { UploadTable } from './uploads.js';

/** What the registry holds and rules. */
export interface AppState {
  readonly rules: AuthRules;
  readonly clock: Clock;
  readonly repositories: Repositories;
  readonly uploads: UploadTable;
  readonly tokens: TokenTable;
  readonly tokenLifetimeSeconds: number;
  /** Whether it has the referrers API. */
  readonly referrers: boolean;
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

/** What each kind of path takes. */
const METHODS: Readonly<Record<Exclude<Route['kind'], 'unknown'>, string>> = {
  base: 'GET, HEAD',
  token: 'GET, POST',
  manifest: 'GET, HEAD, PUT',
  blob: 'GET, HEAD',
  tags: 'GET, HEAD',
  referrers: 'GET, HEAD',
  uploads: 'POST',
  upload: 'GET, PATCH, PUT, DELETE',
};

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
    const asked = askedOf(request, repository, query);
    const { refusal, account } = authorize(state.rules, state.tokens, asked);
    const answer = refusal ?? serveAllowed(state, route, request, query, asked);
    return { answer: { ...answer, headers: { ...API_VERSION, ...answer.headers } }, repository, account };
  };
}

/** What the request would do: whatever is not reading is writing. */
function askedOf(request: LoopbackRequest, repository: string | undefined, query: URLSearchParams): Asked {
  const action = request.method === 'GET' || request.method === 'HEAD' ? 'pull' : 'push';
  const authorization = request.headers['authorization'];
  return { repository, action, from: query.get('from') ?? undefined, authorization, origin: originOf(request) };
}

function serveAllowed(
  state: AppState,
  route: Exclude<Route, { kind: 'unknown' }>,
  request: LoopbackRequest,
  query: URLSearchParams,
  asked: Asked,
): Answer {
  const methods = METHODS[route.kind];
  if (!methods.split(', ').includes(request.method)) return methodNotAllowed(methods);
  const mayMount = (): boolean => {
    const source: Asked = { ...asked, repository: asked.from, action: 'pull', from: undefined };
    return authorize(state.rules, state.tokens, source).refusal === undefined;
  };
  return serveRoute(state, route, request, query, mayMount);
}

function serveTokenRoute(state: AppState, request: LoopbackRequest, query: URLSearchParams): AppAnswer {
  const { rules, tokens, clock, tokenLifetimeSeconds } = state;
  if (!accountRules(rules).some(({ type }) => type === 'bearer')) {
    return plain(errorAnswer(404, 'UNSUPPORTED', 'no such endpoint'), undefined);
  }
  if (request.method !== 'GET' && request.method !== 'POST') return plain(methodNotAllowed(METHODS.token), undefined);
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
