import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createRegistrySession,
  createTokenCache,
  readManifestBytes,
  type RegistrySession,
  type TokenCache,
  type TransportRequest,
} from 'kubepull/distribution';
import { createSecret } from 'kubepull/docker-config';
import { nodeHasher } from 'kubepull/node';
import { parseReference } from 'kubepull/reference';
import { createFakeClock, type FakeClock } from 'kubepull/testing';
import { countFor } from '../../support/figures.ts';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { runsOf } from '../../support/property-runs.ts';
import { authorization, bearerChallenge, credential, found, isRealm, tokenReply } from '../support.ts';
import { stepsOf } from '../../support/model-steps.ts';

/** Sessions of one cache: the same credential twice, others that differ in one part, nobody, and another registry. */
const one = credential({ username: 'alice', password: createSecret('one') });
const SESSIONS = [
  { host: 'r.example', tenant: 'nobody', credential: undefined },
  { host: 'r.example', tenant: 'alice:one', credential: one },
  { host: 'r.example', tenant: 'alice:one', credential: { ...one, email: 'alice@r.example' } },
  { host: 'r.example', tenant: 'alice:two', credential: { ...one, password: createSecret('two') } },
  { host: 'r.example', tenant: 'identity', credential: { ...one, identityToken: createSecret('identity') } },
  { host: 'q.example', tenant: 'alice:one', credential: one },
];
const REPOSITORIES = ['team/app', 'team/db'];
/** What a token server says of the lifetime, and for how long the cache may use the token: nine tenths, of a minute or more. */
const LIFETIMES = [
  { expiresIn: undefined, usedMs: 54_000 },
  { expiresIn: 10, usedMs: 54_000 },
  { expiresIn: 100, usedMs: 90_000 },
  { expiresIn: 1000, usedMs: 900_000 },
];

/** Whom a token is for, and where. */
const ownerOf = (session: number, repository: number): string =>
  `${SESSIONS[session]!.tenant} at ${SESSIONS[session]!.host} for ${REPOSITORIES[repository]!}`;

/** Somebody who reads a manifest. */
interface Asker {
  readonly session: number;
  readonly owner: string;
  /** Tokens that it got for a 401. */
  answers: number;
  outcome: 'waits' | 'read' | 'aborted' | number;
}

/** A request for a token, and who waits for it; whoever made it comes first. */
interface Flight {
  readonly owner: string;
  readonly askedAt: number;
  readonly maker: Asker;
  readonly waiting: Set<Asker>;
  /** Whether its token may be given to others: not once the cache was told to forget. */
  isOfUse: boolean;
}

/** Which token may be used again, and who waits for what, in the plainest form there is. */
interface Model {
  readonly kept: Map<string, { readonly token: string; readonly before: number }>;
  /** The sessions that know where the registry has its tokens fetched. */
  readonly knowing: Set<number>;
  readonly flights: Flight[];
  readonly askers: Asker[];
}

/** A request that the token server holds. */
interface Held {
  readonly owner: string;
  readonly answer: (reply: Reply) => void;
}

interface Real {
  readonly clock: FakeClock;
  readonly cache: TokenCache;
  readonly sessions: readonly RegistrySession[];
  readonly held: Held[];
  /** Whose each token is that was given out; and those that the registry takes. */
  readonly owners: Map<string, string>;
  readonly taken: Set<string>;
  readonly asked: { readonly controller: AbortController; outcome: unknown }[];
}

/** What was posted, or stands in the URL. */
const parametersOf = ({ url, body }: TransportRequest): URLSearchParams =>
  body instanceof Uint8Array ? new URLSearchParams(Buffer.from(body).toString()) : new URL(url).searchParams;

/** Whom a token server takes a request for, by what it was shown. */
function tenantOf(request: TransportRequest): string {
  if (parametersOf(request).get('refresh_token') === 'identity') return 'identity';
  const sent = authorization(request);
  return sent === undefined ? 'nobody' : Buffer.from(sent.replace('Basic ', ''), 'base64').toString();
}

const scopeOf = (request: TransportRequest): string => parametersOf(request).getAll('scope').join();

function createReal(): Real {
  const clock = createFakeClock();
  const cache = createTokenCache({ clock });
  const held: Held[] = [];
  const owners = new Map<string, string>();
  const taken = new Set<string>();
  const sessions = SESSIONS.map(({ host, tenant, credential: shown }) => {
    const { transport } = createMemoryTransport(async (request) => {
      if (isRealm(request)) {
        expect(tenantOf(request)).toBe(tenant);
        const owner = `${tenant} at ${host} for ${/^repository:(.*):pull$/.exec(scopeOf(request))?.[1]}`;
        return new Promise<Reply>((answer, reject) => {
          const hold = { owner, answer };
          held.push(hold);
          request.signal?.addEventListener('abort', () => {
            if (held.includes(hold)) held.splice(held.indexOf(hold), 1);
            reject(request.signal?.reason as Error);
          });
        });
      }
      const token = authorization(request)?.replace('Bearer ', '');
      if (token === undefined) return bearerChallenge();
      const repository = /\/v2\/(.*)\/manifests\//.exec(request.url)?.[1];
      expect(owners.get(token), 'no tenant gets the token of another').toBe(`${tenant} at ${host} for ${repository}`);
      return taken.has(token) ? found : bearerChallenge();
    });
    return createRegistrySession({
      transport,
      origin: `https://${host}`,
      createHasher: nodeHasher,
      clock,
      credential: shown,
      tokenCache: cache,
    });
  });
  return { clock, cache, sessions, held, owners, taken, asked: [] };
}

/** Takes a token that is kept, or waits for a new one. */
function want(model: Model, real: Real, asker: Asker, refused?: string): void {
  const { owner } = asker;
  const kept = model.kept.get(owner);
  if (kept !== undefined && real.clock.monotonic() < kept.before && kept.token !== refused) {
    show(model, real, asker, kept.token, true);
    return;
  }
  const under = model.flights.find((flight) => flight.isOfUse && flight.owner === owner);
  if (under !== undefined) under.waiting.add(asker);
  else {
    const waiting = new Set([asker]);
    model.flights.push({ owner, askedAt: real.clock.monotonic(), maker: asker, waiting, isOfUse: true });
  }
}

/** Shows the registry a token; one that was not fetched for this very asker may be refused once more. */
function show(model: Model, real: Real, asker: Asker, token: string, isKept: boolean): void {
  model.knowing.add(asker.session);
  if (real.taken.has(token)) asker.outcome = 'read';
  else if (asker.answers === 0 || (asker.answers === 1 && isKept)) {
    asker.answers += 1;
    want(model, real, asker, token);
  } else asker.outcome = 401;
}

/** Compares what is seen: what the token server is asked, and how all reads ended. */
async function compare(model: Model, real: Real): Promise<void> {
  await real.clock.advance(0);
  expect(real.held.map(({ owner }) => owner)).toEqual(model.flights.map(({ owner }) => owner));
  expect(real.asked.map(({ outcome }) => outcome)).toEqual(model.askers.map(({ outcome }) => outcome));
}

type Step = fc.AsyncCommand<Model, Real>;

const step = stepsOf<Model, Real>(compare);

function startAsking(model: Model, real: Real, session: number, repository: number): void {
  const controller = new AbortController();
  const asked = { controller, outcome: 'waits' as unknown };
  real.asked.push(asked);
  const name = `${SESSIONS[session]!.host}/${REPOSITORIES[repository]!}:1`;
  readManifestBytes(real.sessions[session]!, parseReference(name), { signal: controller.signal }).then(
    () => (asked.outcome = 'read'),
    (error: unknown) =>
      (asked.outcome = error === 'enough' ? 'aborted' : ((error as { status?: number }).status ?? error)),
  );
  const owner = ownerOf(session, repository);
  const asker: Asker = { session, owner, answers: model.knowing.has(session) ? 0 : 1, outcome: 'waits' };
  model.askers.push(asker);
  want(model, real, asker);
}

const ask = (session: number, repository: number): Step =>
  step(
    `ask as ${ownerOf(session, repository)} (${session})`,
    () => true,
    (model, real) => startAsking(model, real, session, repository),
  );

/** At the end of the time of a token, a moment before or after. */
const askAtEnd = (session: number, repository: number, offset: number): Step =>
  step(
    `ask as ${ownerOf(session, repository)} (${session}) ${offset} ms after its end`,
    ({ kept }) => kept.has(ownerOf(session, repository)),
    async (model, real) => {
      const end = model.kept.get(ownerOf(session, repository))!.before;
      await real.clock.advance(Math.max(0, end + offset - real.clock.monotonic()));
      startAsking(model, real, session, repository);
    },
  );

const grant = (place: number, lifetime: number, afterMs: number, isTaken: boolean): Step =>
  step(
    `grant ${place} for ${LIFETIMES[lifetime]!.usedMs} after ${afterMs}${isTaken ? '' : ', not taken'}`,
    ({ flights }) => place < flights.length,
    async (model, real) => {
      await real.clock.advance(afterMs);
      const { expiresIn, usedMs } = LIFETIMES[lifetime]!;
      const token = `token${real.owners.size}`;
      const [flight] = model.flights.splice(place, 1) as [Flight];
      const [held] = real.held.splice(place, 1) as [Held];
      real.owners.set(token, flight.owner);
      if (isTaken) real.taken.add(token);
      held.answer(tokenReply(token, { expires_in: expiresIn }));
      if (flight.isOfUse) model.kept.set(flight.owner, { token, before: flight.askedAt + usedMs });
      for (const asker of flight.waiting) show(model, real, asker, token, asker !== flight.maker);
    },
  );

const deny = (place: number): Step =>
  step(
    `deny ${place}`,
    ({ flights }) => place < flights.length,
    (model, real) => {
      const [flight] = model.flights.splice(place, 1) as [Flight];
      const [held] = real.held.splice(place, 1) as [Held];
      held.answer({ status: 403 });
      for (const asker of flight.waiting) asker.outcome = 403;
    },
  );

const abort = (place: number): Step =>
  step(
    `abort ${place}`,
    ({ askers }) => place < askers.length,
    (model, real) => {
      real.asked[place]!.controller.abort('enough');
      const asker = model.askers[place]!;
      if (asker.outcome !== 'waits') return;
      asker.outcome = 'aborted';
      const at = model.flights.findIndex(({ waiting }) => waiting.delete(asker));
      // Nobody waits any more, so the token is not fetched.
      if (model.flights[at]!.waiting.size === 0) model.flights.splice(at, 1);
    },
  );

const revoke = (session: number, repository: number): Step =>
  step(
    `revoke ${ownerOf(session, repository)}`,
    () => true,
    (_, { owners, taken }) => {
      for (const [token, owner] of owners) if (owner === ownerOf(session, repository)) taken.delete(token);
    },
  );

const wait = (ms: number): Step =>
  step(
    `wait ${ms}`,
    () => true,
    (_, { clock }) => clock.advance(ms),
  );

const forget = (): Step =>
  step(
    'forget all',
    () => true,
    (model, { cache }) => {
      cache.clear();
      model.kept.clear();
      for (const flight of model.flights) flight.isOfUse = false;
    },
  );

describe('createTokenCache, shared by sessions', () => {
  it('gives each tenant its own tokens while they may be used, and fetches no more than are needed', async () => {
    // Some more often, so that they meet.
    const session = fc.constantFrom(0, 1, 1, 1, 2, 2, 3, 3, 4, 5);
    const repository = fc.constantFrom(0, 0, 0, 1);
    const lifetime = fc.nat(LIFETIMES.length - 1);
    const afterMs = fc.constantFrom(0, 20_000);
    const place = fc.constantFrom(0, 0, 0, 1, 2);
    const asks = fc.tuple(session, repository);
    const steps = fc.commands<Model, Real, false>(
      [
        asks.map((of) => ask(...of)),
        asks.map((of) => ask(...of)),
        fc.tuple(session, repository, fc.constantFrom(-1, 0)).map((of) => askAtEnd(...of)),
        fc.tuple(session, repository, fc.constantFrom(-1, 0)).map((of) => askAtEnd(...of)),
        fc.tuple(place, lifetime, afterMs).map((of) => grant(...of, true)),
        fc.tuple(place, lifetime, afterMs).map((of) => grant(...of, true)),
        fc.tuple(place, lifetime, afterMs).map((of) => grant(...of, false)),
        place.map(deny),
        fc.nat(9).map(abort),
        asks.map((of) => revoke(...of)),
        fc.constantFrom(1, 54_000, 900_000).map(wait),
        fc.constant(forget()),
      ],
      { maxCommands: 32, size: '+1' },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (commands) => {
        const model: Model = { kept: new Map(), knowing: new Set(), flights: [], askers: [] };
        await fc.asyncModelRun(() => ({ model, real: createReal() }), commands);
      }),
      runsOf('turns'),
    );
    countFor('stores, caches and keyrings that act as a plain model does');
  });

  it('does not keep a token that was being fetched when it was told to forget all', async () => {
    const cache = createTokenCache({ clock: createFakeClock() });
    const answers: ((token: string) => void)[] = [];
    const get = () =>
      cache.get({
        key: 'k',
        renew: () => new Promise((done) => answers.push((token) => done({ token, lifetimeMs: 60_000 }))),
      });
    const before = get();
    cache.clear();
    const after = get();
    answers[1]?.('new');
    answers[0]?.('withdrawn');
    expect([await before, await after, await get(), answers.length]).toEqual(['withdrawn', 'new', 'new', 2]);
  });
});
