import { accountRules, type Action, type AuthRules, mayDo, parseBasic, ruleFor } from './accounts.js';
import { type Answer, errorAnswer } from '../http/answer.js';
import type { AccountAuth } from './auth-options.js';
import { byPassword, SERVICE } from './token-endpoint.js';
import { type Holder, scopeKey, type TokenTable } from './tokens.js';

/** Who asks, and the answer when that one may not do it. */
export interface Access {
  readonly account: string | undefined;
  readonly refusal: Answer | undefined;
}

/** What a request wants to do. */
export interface Asked {
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
export function authorize(rules: AuthRules, tokens: TokenTable, asked: Asked): Access {
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
