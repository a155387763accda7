import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock/index.js';
import { type AuthRules, findAccounts, mayPull, ruleFor } from './accounts.js';
import type { LoopbackAccount } from './auth-options.js';

/** Somebody, as far as the registry knows him; without accounts it is the public. */
export interface Holder {
  readonly username: string | undefined;
  readonly accounts: ReadonlySet<LoopbackAccount>;
}

/** What a token stands for. */
export interface TokenGrant {
  readonly holder: Holder;
  /** The repositories that it opens; `undefined` for all that its holder may pull. */
  readonly repositories: ReadonlySet<string> | undefined;
}

export const NOBODY: Holder = { username: undefined, accounts: /* @__PURE__ */ new Set() };

/** Opaque random tokens, each bound to a holder and a scope, for a time. */
export interface TokenTable {
  issue(holder: Holder, scopes: readonly string[]): string;
  issueRefresh(holder: Holder): string;
  /** What a token opens now; `undefined` when it is unknown, expired or revoked. */
  lookUp(token: string): TokenGrant | undefined;
  lookUpRefresh(token: string): Holder | undefined;
  revoke(): void;
}

export function createTokenTable(rules: AuthRules, clock: Clock, lifetimeSeconds: number): TokenTable {
  const issued = new Map<string, TokenGrant & { readonly until: number }>();
  const refresh = new Map<string, Holder>();
  return {
    issue(holder, scopes) {
      const token = randomToken();
      const repositories = new Set(scopes.flatMap(pulledRepository).filter((name) => isGranted(rules, name, holder)));
      issued.set(token, { holder, repositories, until: clock.monotonic() + lifetimeSeconds * 1000 });
      return token;
    },
    issueRefresh(holder) {
      const token = randomToken();
      refresh.set(token, holder);
      return token;
    },
    lookUp(token) {
      const grant = issued.get(token);
      if (grant !== undefined) return clock.monotonic() < grant.until ? grant : undefined;
      const holder = holderOf(findAccounts(rules, ({ registryToken }) => registryToken === token));
      return holder === undefined ? undefined : { holder, repositories: undefined };
    },
    lookUpRefresh: (token) =>
      refresh.get(token) ?? holderOf(findAccounts(rules, ({ identityToken }) => identityToken === token)),
    revoke: () => issued.clear(),
  };
}

export function holderOf(accounts: ReadonlySet<LoopbackAccount>): Holder | undefined {
  const [first] = accounts;
  return first === undefined ? undefined : { username: first.username, accounts };
}

function randomToken(): string {
  return randomBytes(32).toString('base64url');
}

/** The repository of a scope such as `repository:team/app:pull,push`; nothing but pulling is ever granted. */
function pulledRepository(scope: string): readonly string[] {
  const [, name, actions] = /^repository:(.+):([^:]*)$/.exec(scope) ?? [];
  return name !== undefined && actions?.split(',').includes('pull') === true ? [name] : [];
}

function isGranted(rules: AuthRules, repository: string, holder: Holder): boolean {
  const rule = ruleFor(rules, repository);
  return rule.type === 'anonymous' || rule.anonymousPull === true || mayPull(rule, repository, holder.accounts);
}
