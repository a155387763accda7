import { accountRules, type AuthRules, mayPull, parseBasic, ruleFor } from './accounts.js';
import { type Answer, errorAnswer } from './answer.js';
import type { AccountAuth } from './auth-options.js';
import { byPassword, SERVICE } from './token-endpoint.js';
import type { Holder, TokenTable } from './tokens.js';

/** Who asks, and the answer when that one may not pull. */
export interface Access {
  readonly account: string | undefined;
  readonly refusal: Answer | undefined;
}

interface Asked {
  /** `undefined` for `/v2/` itself. */
  readonly repository: string | undefined;
  readonly authorization: string | undefined;
  /** Where the client reached the registry: the realm is there, too. */
  readonly origin: string;
}

/** Decides whether a request may see a repository, as the rule for it says. */
export function authorize(rules: AuthRules, tokens: TokenTable, asked: Asked): Access {
  const rule = asked.repository === undefined ? accountRules(rules)[0] : ruleFor(rules, asked.repository);
  if (rule === undefined || rule.type === 'anonymous') return { account: undefined, refusal: undefined };
  return rule.type === 'basic' ? checkBasic(rules, rule, asked) : checkBearer(tokens, rule, asked);
}

function checkBasic(rules: AuthRules, rule: AccountAuth, asked: Asked): Access {
  const challenge = `Basic realm="${SERVICE}"`;
  if (asked.authorization === undefined && rule.anonymousPull === true) return allow(undefined);
  const basic = parseBasic(asked.authorization);
  const holder = basic === undefined ? undefined : byPassword(rules, basic.username, basic.password);
  if (holder === undefined) return unauthorized(challenge, undefined);
  return isCovered(rule, asked, holder) ? allow(holder) : deny(rule, holder);
}

function checkBearer(tokens: TokenTable, rule: AccountAuth, asked: Asked): Access {
  const { repository, origin } = asked;
  const scope = repository === undefined ? '' : `,scope="repository:${repository}:pull"`;
  const challenge = `Bearer realm="${origin}/token",service="${SERVICE}"${scope}`;
  const token = /^Bearer (\S+)$/i.exec(asked.authorization ?? '')?.[1];
  if (token === undefined) return unauthorized(challenge, undefined);
  const grant = tokens.lookUp(token);
  if (grant === undefined) return unauthorized(`${challenge},error="invalid_token"`, undefined);
  const { holder, repositories } = grant;
  if (repository === undefined || repositories?.has(repository) === true) return allow(holder);
  const covered = isCovered(rule, asked, holder);
  if (covered && repositories === undefined) return allow(holder);
  if (!covered && holder.accounts.size > 0) return deny(rule, holder);
  // The holder may pull, or is nobody: another token could open the repository.
  return unauthorized(`${challenge},error="insufficient_scope"`, holder);
}

function isCovered(rule: AccountAuth, { repository }: Asked, holder: Holder): boolean {
  return repository === undefined || rule.anonymousPull === true || mayPull(rule, repository, holder.accounts);
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
