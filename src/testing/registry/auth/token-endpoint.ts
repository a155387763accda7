import type { Clock } from '../../../clock/index.js';
import { type AuthRules, findAccounts, parseBasic } from './accounts.js';
import { type Answer, errorAnswer, jsonAnswer } from '../http/answer.js';
import { type Holder, holderOf, NOBODY, type TokenTable } from './tokens.js';

/** The audience of all tokens. */
export const SERVICE = 'loopback-registry';

interface TokenRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly query: URLSearchParams;
  readonly body: Uint8Array | undefined;
}

/** An answer, and the user whom it is for. */
export interface TokenAnswer {
  readonly answer: Answer;
  readonly account: string | undefined;
}

/** Docker's token endpoint: GET with Basic or nothing, and the OAuth2 form by POST. */
export function serveToken(
  rules: AuthRules,
  tokens: TokenTable,
  clock: Clock,
  lifetimeSeconds: number,
  request: TokenRequest,
): TokenAnswer {
  const post = request.method === 'POST';
  const fields = post ? new URLSearchParams(Buffer.from(request.body ?? []).toString()) : request.query;
  if (fields.get('service') !== SERVICE) return refuse(400, 'UNSUPPORTED', 'the service is not known');
  const holder = post ? fromForm(rules, tokens, fields) : fromHeader(rules, request.headers['authorization']);
  if (holder === undefined) return refuse(401, 'UNAUTHORIZED', 'incorrect username or password');
  const scopes = fields.getAll('scope').flatMap((scope) => scope.split(' '));
  const token = tokens.issue(holder, scopes);
  const wantsRefresh = fields.get('offline_token') === 'true' || fields.get('access_type') === 'offline';
  const document = {
    ...(post ? {} : { token }),
    access_token: token,
    expires_in: lifetimeSeconds,
    issued_at: new Date(clock.now()).toISOString(),
    ...(wantsRefresh && holder !== NOBODY ? { refresh_token: tokens.issueRefresh(holder) } : {}),
  };
  return { answer: jsonAnswer(200, document, { 'cache-control': 'no-store' }), account: holder.username };
}

function fromHeader(rules: AuthRules, header: string | undefined): Holder | undefined {
  if (header === undefined) return NOBODY;
  const basic = parseBasic(header);
  return basic === undefined ? undefined : byPassword(rules, basic.username, basic.password);
}

function fromForm(rules: AuthRules, tokens: TokenTable, form: URLSearchParams): Holder | undefined {
  const grant = form.get('grant_type');
  if (grant === 'refresh_token') return tokens.lookUpRefresh(form.get('refresh_token') ?? '');
  if (grant !== 'password') return undefined;
  return byPassword(rules, form.get('username') ?? '', form.get('password') ?? '');
}

/** Whoever has this name and password in any rule. */
export function byPassword(rules: AuthRules, username: string, password: string): Holder | undefined {
  return holderOf(findAccounts(rules, (account) => account.username === username && account.password === password));
}

function refuse(status: number, code: 'UNSUPPORTED' | 'UNAUTHORIZED', message: string): TokenAnswer {
  const headers = status === 401 ? { 'www-authenticate': 'Basic realm="token"' } : {};
  return { answer: errorAnswer(status, code, message, headers), account: undefined };
}
