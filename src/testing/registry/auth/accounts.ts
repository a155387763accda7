import { decodeUtf8 } from '../../../internal/index.js';
import type { AccountAuth, LoopbackAccount, RepositoryAuth } from './auth-options.js';

/** What somebody wants to do with a repository. */
export type Action = 'pull' | 'push';

/** Rules by prefix of the repository. */
export type AuthRules = Readonly<Record<string, RepositoryAuth>>;

const OPEN: RepositoryAuth = { type: 'anonymous' };

/** The rule with the longest prefix; without one, everybody may pull and push. */
export function ruleFor(rules: AuthRules, repository: string): RepositoryAuth {
  const [best] = Object.entries(rules)
    .filter(([prefix]) => repository.startsWith(prefix))
    .toSorted(([a], [b]) => b.length - a.length);
  return best?.[1] ?? OPEN;
}

export function accountRules(rules: AuthRules): readonly AccountAuth[] {
  return Object.values(rules).filter((rule): rule is AccountAuth => rule.type !== 'anonymous');
}

/** The accounts for which a test holds; one person may stand in several rules. */
export function findAccounts(
  rules: AuthRules,
  test: (account: LoopbackAccount) => boolean,
): ReadonlySet<LoopbackAccount> {
  return new Set(accountRules(rules).flatMap(({ accounts }) => accounts.filter(test)));
}

/** Whether one of the accounts by which somebody is known may do this under the rule. */
export function mayDo(
  action: Action,
  rule: AccountAuth,
  repository: string,
  known: ReadonlySet<LoopbackAccount>,
): boolean {
  return rule.accounts.some(
    (account) =>
      known.has(account) &&
      (action === 'pull' || account.push !== false) &&
      (account.repositories ?? ['']).some((prefix) => repository.startsWith(prefix)),
  );
}

/** User name and password of a Basic `Authorization` header; bytes that are not UTF-8 stand as `decodeAuth` gives them. */
export function parseBasic(header: string | undefined): { username: string; password: string } | undefined {
  const encoded = /^Basic ([A-Za-z0-9+/]+=*)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = decodeUtf8(Buffer.from(encoded, 'base64'));
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
