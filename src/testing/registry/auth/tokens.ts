import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../clock/index.js';
import { type Action, type AuthRules, findAccounts, mayDo, ruleFor } from './accounts.js';
import type { LoopbackAccount } from './auth-options.js';

/** Somebody, as far as the registry knows him; without accounts it is the public. */
export interface Holder {
  readonly username: string | undefined;
  readonly accounts: ReadonlySet<LoopbackAccount>;
}

/** What a token stands for. */
export interface TokenGrant {
  readonly holder: Holder;
  /** What it opens, each as {@link scopeKey} has it; `undefined` for all that its holder may do. */
  readonly scopes: ReadonlySet<string> | undefined;
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
      const wanted = scopes.flatMap(parseScope).filter((scope) => isGranted(rules, scope, holder));
      const granted = new Set(wanted.map(({ repository, action }) => scopeKey(repository, action)));
      issued.set(token, { holder, scopes: granted, until: clock.monotonic() + lifetimeSeconds * 1000 });
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
      return holder === undefined ? undefined : { holder, scopes: undefined };
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

interface Scope {
  readonly repository: string;
  readonly action: Action;
}

/** One action on one repository, as text. */
export function scopeKey(repository: string, action: Action): string {
  return `${repository}:${action}`;
}

/** What a scope such as `repository:team/app:pull,push` asks for; other resources and actions are never granted. */
function parseScope(scope: string): readonly Scope[] {
  const [, repository, actions = ''] = /^repository:(.+):([^:]*)$/.exec(scope) ?? [];
  if (repository === undefined) return [];
  const wanted = new Set(actions.split(','));
  return (['pull', 'push'] as const).filter((action) => wanted.has(action)).map((action) => ({ repository, action }));
}

function isGranted(rules: AuthRules, { repository, action }: Scope, holder: Holder): boolean {
  const rule = ruleFor(rules, repository);
  if (rule.type === 'anonymous' || (rule.anonymousPull === true && action === 'pull')) return true;
  return mayDo(action, rule, repository, holder.accounts);
}
