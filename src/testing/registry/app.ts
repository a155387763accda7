import type { Clock } from '../../clock/index.js';
import { accountRules, type AuthRules, type Action, mayDo, parseBasic, ruleFor } from './auth/accounts.js';
import { type Answer, errorAnswer } from './http/answer.js';
import type { Repositories } from './repositories.js';
import type { LoopbackRequest } from './request-log.js';
import { isRepository, parseRoute, type Route } from './route.js';
import { serveRoute } from './serve-route.js';
import { serveToken, byPassword, SERVICE } from './auth/token-endpoint.js';
import { type TokenTable, type Holder, scopeKey } from './auth/tokens.js';
import type { UploadTable } from './uploads.js';
import type { AccountAuth } from './auth/auth-options.js';

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

/** Who asks, and the answer when that one may not do it. */
interface Access {
  readonly account: string | undefined;
  readonly refusal: Answer | undefined;
}

/** What a request wants to do. */
interface Asked {
  /** `undefined` for `/v2/` itself. */
  readonly repository: string | undefined;
  readonly action: Action;
  /** Whence a blob is to be mounted: the challenge names it, too. */
  readonly from?: string | undefined;
  readonly authorization: string | undefined;
  /** Where the client reached the registry: the realm is there, too. */
  readonly origin: string;
}

/** Decides whether a request may use a repository, as the rule for it says. */
function authorize(rules: AuthRules, tokens: TokenTable, asked: Asked): Access {
  const rule = asked.repository === undefined ? accountRules(rules)[0] : ruleFor(rules, asked.repository);
  if (rule === undefined || rule.type === 'anonymous') return { account: undefined, refusal: undefined };
  return rule.type === 'basic' ? checkBasic(rules, rule, asked) : checkBearer(tokens, rule, asked);
}

function checkBasic(rules: AuthRules, rule: AccountAuth, asked: Asked): Access {
  const challenge = `Basic realm="${SERVICE}"`;
  if (asked.authorization === undefined && isPublic(rule, asked)) return allow(undefined);
  const basic = parseBasic(asked.authorization);
  const holder = basic === undefined ? undefined : byPassword(rules, basic.username, basic.password);
  if (holder === undefined) return unauthorized(challenge, undefined);
  return isCovered(rule, asked, holder) ? allow(holder) : deny(rule, holder);
}

function checkBearer(tokens: TokenTable, rule: AccountAuth, asked: Asked): Access {
  const { repository, origin, action } = asked;
  const challenge = `Bearer realm="${origin}/token",service="${SERVICE}"${challengeScope(asked)}`;
  const token = /^Bearer (\S+)$/i.exec(asked.authorization ?? '')?.[1];
  if (token === undefined) return unauthorized(challenge, undefined);
  const grant = tokens.lookUp(token);
  if (grant === undefined) return unauthorized(`${challenge},error="invalid_token"`, undefined);
  const { holder, scopes } = grant;
  if (repository === undefined || scopes?.has(scopeKey(repository, action)) === true) return allow(holder);
  const covered = isCovered(rule, asked, holder);
  if (covered && scopes === undefined) return allow(holder);
  if (!covered && holder.accounts.size > 0) return deny(rule, holder);
  // The holder may do it, or is anonymous: another token could open the repository.
  return unauthorized(`${challenge},error="insufficient_scope"`, holder);
}

function challengeScope({ repository, action, from }: Asked): string {
  if (repository === undefined) return '';
  const source = from === undefined ? '' : ` repository:${from}:pull`;
  return `,scope="repository:${repository}:${action === 'push' ? 'pull,push' : 'pull'}${source}"`;
}

function isPublic(rule: AccountAuth, { action }: Asked): boolean {
  return rule.anonymousPull === true && action === 'pull';
}

function isCovered(rule: AccountAuth, asked: Asked, holder: Holder): boolean {
  const { repository, action } = asked;
  return repository === undefined || isPublic(rule, asked) || mayDo(action, rule, repository, holder.accounts);
}

function allow(holder: Holder | undefined): Access {
  return { account: holder?.username, refusal: undefined };
}

function unauthorized(challenge: string, holder: Holder | undefined): Access {
  const headers = { 'www-authenticate': challenge };
  const refusal =
    holder === undefined
      ? errorAnswer(401, 'UNAUTHORIZED', 'authentication required', headers)
      : errorAnswer(401, 'DENIED', 'requested access to the resource is denied', headers);
  return { account: holder?.username, refusal };
}

function deny(rule: AccountAuth, holder: Holder): Access {
  const refusal =
    rule.denied === 404
      ? errorAnswer(404, 'NAME_UNKNOWN', 'repository name not known to registry')
      : errorAnswer(403, 'DENIED', 'requested access to the resource is denied');
  return { account: holder.username, refusal };
}
