// Requests of two tenants at the same time, with a token server whose every answer comes when the scheduler says.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTokenCache, readManifestBytes, type TransportRequest } from 'kubepull/distribution';
import { parseReference } from 'kubepull/reference';
import { countFor } from '../../support/figures.ts';
import { untilAbort } from '../../../src/internal/until-abort.ts';
import { countingSignal } from '../../support/invariants.ts';
import { createMemoryTransport, type MemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { runsOf } from '../../support/property-runs.ts';
import { runOrders } from '../../support/run-orders.ts';
import {
  REALM,
  authorization,
  bearerChallenge,
  connect,
  credential,
  found,
  isRealm,
  manifest,
  tokenReply,
} from '../support.ts';

type Tenant = 'a' | 'b' | 'nobody';

interface Ask {
  readonly tenant: Tenant;
  readonly repository: 'app' | 'db';
  /** Which of two sessions of its tenant makes it. */
  readonly session: 0 | 1;
  readonly aborts: boolean;
}

const ask = fc.record<Ask>({
  tenant: fc.constantFrom('a', 'a', 'b', 'nobody'),
  repository: fc.constantFrom('app', 'app', 'db'),
  session: fc.constantFrom(0, 1),
  aborts: fc.integer({ min: 0, max: 2 }).map((odd) => odd === 0),
});

/** Whom the tenants are; made once, as every secret is looked for afterwards. */
const CREDENTIALS = { a: credential({ username: 'a' }), b: credential({ username: 'b' }), nobody: undefined };

function basicOf(tenant: Tenant): string | undefined {
  const { username = '', password } = CREDENTIALS[tenant] ?? {};
  return password && `Basic ${Buffer.from(`${username}:${password.reveal()}`).toString('base64')}`;
}

/** A request to the token server. */
interface TokenRequest {
  readonly key: string;
  readonly signal: AbortSignal | undefined;
  /** `left` when nobody wanted the answer any more. */
  state: 'open' | 'given' | 'refused' | 'left';
}

/** What each caller is seen to get. */
interface Seen {
  isAborted: boolean;
  /** How often its token had been refused when it began, and when it ended. */
  refused: readonly [number, number];
  outcome: PromiseSettledResult<Uint8Array> | undefined;
}

interface Servers {
  /** Those of one tenant: it is whom the registry sees. */
  of(tenant: Tenant): MemoryTransport;
  readonly tokens: readonly TokenRequest[];
  /** What was seen that must not be. */
  readonly faults: readonly string[];
  refusals(key: string): number;
}

/** The registry takes the token of the tenant and the repository alone. `grants` are the answers of the token server, in order. */
function createServers(s: fc.Scheduler, grants: readonly boolean[], endsAtOnce: boolean): Servers {
  const tokens: TokenRequest[] = [];
  const faults: string[] = [];
  const token = (tenant: Tenant, request: TransportRequest): Promise<Reply> => {
    const scopes = new URL(request.url).searchParams.getAll('scope');
    const repository = /^repository:team\/(\w+):pull$/.exec(scopes.join(' '))?.[1] ?? 'none';
    if (authorization(request) !== basicOf(tenant)) faults.push(`${tenant} asks for a token as somebody else`);
    const mine: TokenRequest = { key: `${tenant} ${repository}`, signal: request.signal, state: 'open' };
    const isGranted = grants[tokens.length] ?? true;
    // One that all have left does not count, also while the server still works on it.
    if (tokens.some(({ key, state, signal }) => key === mine.key && state === 'open' && signal?.aborted !== true))
      faults.push(`two requests for the token of ${mine.key} at once`);
    if (tokens.some(({ key, state }) => key === mine.key && state === 'given'))
      faults.push(`a second token of ${mine.key}`);
    tokens.push(mine);
    return answer(mine, isGranted);
  };
  const answer = async (mine: TokenRequest, isGranted: boolean): Promise<Reply> => {
    const end = s.schedule(Promise.resolve(), `token of ${mine.key}`);
    await untilAbort(end, endsAtOnce ? mine.signal : undefined).catch(() => undefined);
    if (mine.signal?.aborted === true) mine.state = 'left';
    mine.signal?.throwIfAborted();
    mine.state = isGranted ? 'given' : 'refused';
    return isGranted ? tokenReply(`for-${mine.key.replace(' ', '-')}`, { expires_in: 3600 }) : { status: 403 };
  };
  return {
    tokens,
    faults,
    refusals: (wanted) => tokens.filter(({ key, state }) => key === wanted && state === 'refused').length,
    of: (tenant) =>
      createMemoryTransport(async (request) => {
        if (isRealm(request)) return token(tenant, request);
        const repository = new URL(request.url).pathname.split('/')[3] ?? '';
        await s.schedule(Promise.resolve(), `registry for ${tenant}`);
        request.signal?.throwIfAborted();
        const sent = authorization(request);
        if (sent === undefined) return bearerChallenge();
        if (sent !== `Bearer for-${tenant}-${repository}`) faults.push(`${tenant} shows ${sent} for ${repository}`);
        return found;
      }),
  };
}

describe('the tokens of many requests at once', () => {
  it('are asked for once for each tenant and scope, whoever leaves, and go to nobody else', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(ask, { minLength: 1, maxLength: 12 }),
        fc.array(fc.boolean(), { maxLength: 4 }),
        fc.boolean(),
        async (s, asks, grants, endsAtOnce) => {
          const servers = createServers(s, grants, endsAtOnce);
          const tokenCache = createTokenCache();
          const sessionsOf = (tenant: Tenant) => {
            const server = servers.of(tenant);
            return [0, 1].map(() => connect(server, { credential: CREDENTIALS[tenant], tokenCache }).session);
          };
          const sessions = { a: sessionsOf('a'), b: sessionsOf('b'), nobody: sessionsOf('nobody') };
          const seen = asks.map((): Seen => ({ isAborted: false, refused: [0, 0], outcome: undefined }));
          const signals = asks.map(() => countingSignal());
          asks.forEach(({ tenant, repository, session, aborts }, at) => {
            const [mine, { signal, abort }] = [seen[at]!, signals[at]!];
            const key = `${tenant} ${repository}`;
            const begin = async (): Promise<Uint8Array> => {
              mine.refused = [servers.refusals(key), 0];
              const ref = parseReference(`r.example/team/${repository}:1`);
              return (await readManifestBytes(sessions[tenant][session]!, ref, { signal })).bytes;
            };
            const settle = (outcome: PromiseSettledResult<Uint8Array>): void => {
              mine.outcome = outcome;
              mine.refused = [mine.refused[0], servers.refusals(key)];
            };
            s.schedule(Promise.resolve(), `begin ${at}`)
              .then(begin)
              .then(
                (value) => settle({ status: 'fulfilled', value }),
                (reason: unknown) => settle({ status: 'rejected', reason }),
              );
            const abortLater = async (): Promise<void> => {
              await s.schedule(Promise.resolve(), `abort of ${at}`);
              if (mine.outcome !== undefined) return;
              mine.isAborted = true;
              abort(`enough of ${at}`);
            };
            if (aborts) void abortLater();
          });
          await runOrders(s);

          expect(servers.faults).toEqual([]);
          seen.forEach(({ outcome, isAborted, refused: [before, after] }, at) => {
            const { tenant, repository } = asks[at]!;
            if (isAborted) expect(outcome).toEqual({ status: 'rejected', reason: `enough of ${at}` });
            else if (outcome?.status === 'fulfilled') expect(outcome.value).toEqual(manifest);
            else {
              // Only what its own token server has said while it waited.
              expect(outcome?.reason, `${tenant} ${repository}`).toMatchObject({ status: 403, url: REALM });
              expect(after).toBeGreaterThan(before);
            }
          });
          expect(servers.tokens.filter(({ state }) => state === 'open')).toEqual([]);
          // Nobody has left for nothing: a token is given up only when all who wanted it were aborted.
          for (const { key } of servers.tokens.filter(({ state }) => state === 'left')) {
            const wanted = asks.map(({ tenant, repository }) => `${tenant} ${repository}`);
            expect(seen.some(({ isAborted }, at) => isAborted && wanted[at] === key)).toBe(true);
          }
          expect(signals.map(({ listeners }) => listeners)).toEqual(signals.map(() => 0));
        },
      ),
      runsOf('turns'),
    );
    countFor('laws of what runs at the same time, in any order');
  });
});
