import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createTokenCache,
  openBlob,
  readManifestBytes,
  type RegistrySessionOptions,
  type TransportRequest,
} from 'kubepull/distribution';
import { createSecret } from 'kubepull/docker-config';
import { TransportError } from 'kubepull/errors';
import { nodeHasher } from 'kubepull/node';
import { parseReference } from 'kubepull/reference';
import { createFakeClock } from 'kubepull/testing';
import type { RepositoryRequest } from '../../../src/distribution/session/request.ts';
import { createRegistrySession, type Session } from '../../../src/distribution/session/session.ts';
import { canary } from '../../support/canary.ts';
import { assertInvariants, countingSignal } from '../../support/invariants.ts';
import { createMemoryTransport, type MemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { runsOf } from '../../support/property-runs.ts';
import {
  ORIGIN,
  REALM,
  authorization,
  basicChallenge,
  bearerChallenge,
  blob,
  connect,
  credential,
  found,
  isRealm,
  manifest,
  ref,
  tokenReply,
} from '../support.ts';

/** A registry that takes the newest token only; `revoke` makes it forget that one too. */
function tokenRegistry(reply: (request: TransportRequest) => Reply | Promise<Reply> = () => found) {
  let issued = 0;
  let valid: string | undefined;
  const server = createMemoryTransport((request) => {
    if (isRealm(request)) {
      valid = `t${(issued += 1)}`;
      return tokenReply(valid, { expires_in: 3600 });
    }
    return valid !== undefined && authorization(request) === `Bearer ${valid}` ? reply(request) : bearerChallenge();
  });
  return {
    ...server,
    issued: () => issued,
    revoke: () => {
      valid = undefined;
    },
  };
}

function open(server: MemoryTransport, options: Partial<RegistrySessionOptions> = {}): Session {
  const clock = createFakeClock();
  return createRegistrySession({
    transport: server.transport,
    origin: ORIGIN,
    createHasher: nodeHasher,
    clock: { ...clock, sleep: async () => undefined },
    random: () => 0,
    ...options,
  }) as Session;
}

const url = `${ORIGIN}/v2/team/app/blobs/uploads/`;
const scopesOf = (request: TransportRequest | undefined): readonly string[] =>
  new URL(request?.url ?? '').searchParams.getAll('scope');
const toRealm = (server: MemoryTransport): readonly TransportRequest[] => server.requests.filter(isRealm);

describe('a token reply that is cut [B07]', () => {
  const failure = new TransportError('Cannot GET x: cut', { method: 'GET', url: 'x', phase: 'body', retryable: true });
  const cutReply = async function* () {
    yield new TextEncoder().encode('{"tok');
    throw failure;
  };
  const cutting = (times: number) => {
    let asked = 0;
    return createMemoryTransport((request): Reply => {
      if (isRealm(request)) return (asked += 1) > times ? tokenReply('t') : { body: cutReply() };
      return authorization(request) === undefined ? bearerChallenge() : found;
    });
  };

  it('is asked for again', async () => {
    const server = cutting(2);
    await readManifestBytes(connect(server).session, ref);
    expect(toRealm(server)).toHaveLength(3);
    const hopeless = cutting(9);
    await expect(readManifestBytes(connect(hopeless).session, ref)).rejects.toBe(failure);
    expect([toRealm(hopeless).length, hopeless.requests.length]).toEqual([3, 4]);
  });

  it('is not asked for again when it was posted [B10]', async () => {
    const server = cutting(1);
    const identityToken = createSecret(canary('identity-token'));
    const { session } = connect(server, { credential: credential({ identityToken }) });
    await expect(readManifestBytes(session, ref)).rejects.toBe(failure);
    expect(toRealm(server).map(({ method }) => method)).toEqual(['POST']);
  });
});

describe('tokens and where they come from [A10]', () => {
  it('begins with the password again at each realm that the challenge changes to', async () => {
    const other = 'https://auth2.r.example/token';
    let asked = 0;
    const server = createMemoryTransport((request) => {
      if (!request.url.startsWith(ORIGIN)) return tokenReply(`of-${new URL(request.url).hostname}`);
      return (asked += 1) % 2 === 1 ? bearerChallenge(asked % 4 === 1 ? REALM : other) : found;
    });
    const { session } = connect(server, { credential: credential() });
    for (let round = 0; round < 10; round += 1) await readManifestBytes(session, ref);
    const foreign = server.requests.filter(({ url: to }) => !to.startsWith(ORIGIN));
    expect(foreign.every((request) => authorization(request)?.startsWith('Basic '))).toBe(true);
    expect(new Set(foreign.map(({ url: to }) => new URL(to).hostname))).toEqual(
      new Set(['auth.r.example', 'auth2.r.example']),
    );
  });

  it('shows the token of one realm to no registry that has its tokens from another by now', async () => {
    const tokenCache = createTokenCache();
    const own = credential();
    for (const realm of [REALM, `${REALM}2`, `${REALM}?tenant=2`, REALM]) {
      const server = createMemoryTransport((request) =>
        isRealm(request)
          ? tokenReply(realm.slice(-1))
          : authorization(request) === `Bearer ${realm.slice(-1)}`
            ? found
            : bearerChallenge(realm),
      );
      await readManifestBytes(connect(server, { credential: own, tokenCache }).session, ref);
      // What was fetched from this realm before is still good.
      const before = realm === REALM && toRealm(server).length === 0;
      const asked = toRealm(server).map(({ url: to }) => to.startsWith(realm));
      expect(before ? [true] : asked).toEqual([true]);
      // Nothing but the challenge goes before.
      expect(server.requests.length).toBe(before ? 2 : 3);
    }
  });

  it('shows an identity token to a realm that is admitted, and to no other', async () => {
    const identity = canary('identity-token');
    const server = createMemoryTransport((request) =>
      isRealm(request)
        ? tokenReply('t')
        : bearerChallenge(server.requests.length === 1 ? REALM : 'https://169.254.169.254/token'),
    );
    const own = credential({ identityToken: createSecret(identity) });
    await expect(readManifestBytes(connect(server, { credential: own }).session, ref)).rejects.toMatchObject({
      status: 401,
    });
    const second = connect(server, { credential: own }).session;
    await expect(readManifestBytes(second, ref)).rejects.toMatchObject({ rule: 'metadata-address' });
    expect(server.requests.filter(({ body }) => body !== undefined).map(({ url: to }) => to)).toEqual([REALM]);
  });

  it('keeps no refresh token that a token server hands out', async () => {
    const refresh = canary('refresh-token');
    const server = createMemoryTransport((request) =>
      isRealm(request)
        ? tokenReply('t', { refresh_token: refresh, expires_in: 60 })
        : authorization(request) === undefined
          ? bearerChallenge()
          : found,
    );
    const { session, clock } = connect(server, { credential: credential() });
    await readManifestBytes(session, ref);
    await clock.advance(60_000);
    await readManifestBytes(session, ref);
    expect(toRealm(server).map(({ method }) => method)).toEqual(['GET', 'GET']);
    expect(server.requests.some((request) => JSON.stringify(request.headers).includes(refresh))).toBe(false);
  });
});

describe('a cache of tokens that many clients share [A11]', () => {
  const tenants = () => {
    const [a, b] = [credential({ username: 'a' }), credential({ username: 'b' })];
    const allowed = `Basic ${Buffer.from(`a:${a.password.reveal()}`).toString('base64')}`;
    const server = createMemoryTransport((request) => {
      if (isRealm(request)) return authorization(request) === allowed ? tokenReply('for-a') : { status: 403 };
      return authorization(request) === 'Bearer for-a' ? found : bearerChallenge();
    });
    return { a, b, server };
  };

  it('gives nobody the token of another credential, anonymous included', async () => {
    const { a, b, server } = tenants();
    const tokenCache = createTokenCache();
    await readManifestBytes(connect(server, { credential: a, tokenCache }).session, ref);
    for (const other of [b, undefined, credential({ username: 'a' }), { ...a, username: 'A' }]) {
      const { session } = connect(server, { credential: other, tokenCache });
      await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ status: 403, url: REALM });
    }
    expect(toRealm(server).length).toBe(5);
  });

  it('fetches one token for the same credential in two clients', async () => {
    const { a, server } = tenants();
    const tokenCache = createTokenCache();
    await readManifestBytes(connect(server, { credential: a, tokenCache }).session, ref);
    await readManifestBytes(connect(server, { credential: { ...a }, tokenCache }).session, ref);
    expect(toRealm(server).length).toBe(1);
    tokenCache.clear();
    await readManifestBytes(connect(server, { credential: a, tokenCache }).session, ref);
    expect(toRealm(server).length).toBe(2);
  });

  it.each([
    ['nothing', {}, 1],
    ['the registry', { origin: 'https://r2.example' }, 2],
    ['the realm', { realm: 'https://auth2.example/token' }, 2],
    ['the service', { service: 's2' }, 2],
    ['the repository', { image: 'r.example/team/app2' }, 2],
  ])('fetches a token of its own where %s differs', async (_, change, tokens) => {
    const tokenCache = createTokenCache();
    const own = credential();
    let issued = 0;
    for (const asked of [{}, change]) {
      const { origin, realm, service, image } = {
        origin: ORIGIN,
        realm: 'https://auth.example/token',
        service: 's',
        image: 'r.example/team/app',
        ...asked,
      };
      const server = createMemoryTransport((request) => {
        if (request.url.startsWith('https://auth')) return tokenReply(`t${(issued += 1)}`);
        if (authorization(request) !== undefined) return found;
        return { status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}",service="${service}"` } };
      });
      await readManifestBytes(connect(server, { credential: own, tokenCache, origin }).session, parseReference(image));
    }
    expect(issued).toBe(tokens);
  });

  it('tells nothing of a credential in what it keeps tokens under', async () => {
    const keys: string[] = [];
    const cache = createTokenCache();
    const tokenCache: typeof cache = {
      ...cache,
      get: (query) => {
        keys.push(query.key);
        return cache.get(query);
      },
    };
    const server = tokenRegistry();
    await readManifestBytes(connect(server, { credential: credential(), tokenCache }).session, ref);
    expect(keys).toHaveLength(1);
    const other = createTokenCache();
    expect(other.salt === cache.salt).toBe(false);
  });

  it('lets whoever holds a credential have its own answer, in any order', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('a', 'b', undefined), { maxLength: 12 }), async (callers) => {
        const { a, b, server } = tenants();
        const tokenCache = createTokenCache();
        const outcomes = await Promise.allSettled(
          callers.map((caller) =>
            readManifestBytes(
              connect(server, {
                credential: caller === undefined ? undefined : { a, b }[caller],
                tokenCache,
              }).session,
              ref,
            ),
          ),
        );
        expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual(callers.map((caller) => caller === 'a'));
      }),
      runsOf('images'),
    ));
});

describe('scopes [A13]', () => {
  it.each([
    [{}, ['repository:team/app:pull']],
    [{ actions: 'pull' }, ['repository:team/app:pull']],
    [{ actions: 'pull,push' }, ['repository:team/app:pull,push']],
    [{ actions: 'delete' }, ['repository:team/app:delete']],
    [{ actions: 'pull,push', mountFrom: 'base/os' }, ['repository:team/app:pull,push', 'repository:base/os:pull']],
  ] as const)('asks for %j as %j', async (wanted: Partial<RepositoryRequest>, scopes) => {
    const server = tokenRegistry();
    await open(server).send({ method: 'POST', ref, url, ...wanted });
    expect(toRealm(server).map(scopesOf)).toEqual([scopes]);
    const own = credential({ identityToken: createSecret(canary('identity-token')) });
    await open(server, { credential: own }).send({ method: 'POST', ref, url, ...wanted });
    const form = new URLSearchParams(new TextDecoder().decode(toRealm(server)[1]?.body as Uint8Array));
    expect(form.getAll('scope')).toEqual([scopes.join(' ')]);
  });

  it('does not push with a token that it has for pulling', async () => {
    const server = createMemoryTransport((request) => {
      if (isRealm(request)) return tokenReply(scopesOf(request)[0]?.endsWith('push') === true ? 'push' : 'pull');
      const needed = request.method === 'GET' ? 'pull' : 'push';
      return authorization(request) === `Bearer ${needed}` ? found : bearerChallenge();
    });
    const session = open(server);
    await session.send({ method: 'GET', ref, url });
    const pushed = await session.send({ method: 'POST', ref, url, actions: 'pull,push' });
    expect(pushed.response.status).toBe(200);
    // What is known of the realm saves being turned away a second time.
    expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'GET', 'GET', 'GET', 'POST']);
  });
});

describe('tokens that run out [A24]', () => {
  it('sends a body again after the challenge, made anew when it is a stream', async () => {
    const read: string[] = [];
    const server = createMemoryTransport(async (request) => {
      if (isRealm(request)) return tokenReply('t');
      const chunks: Uint8Array[] = [];
      if (request.body instanceof Uint8Array) chunks.push(request.body);
      else for await (const chunk of request.body ?? []) chunks.push(chunk);
      read.push(Buffer.concat(chunks).toString());
      return authorization(request) === undefined ? bearerChallenge() : { status: 202 };
    });
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode('stream');
    };
    const streamed = await open(server).send({ method: 'PATCH', ref, url, body, actions: 'pull,push' });
    const bytes = new TextEncoder().encode('bytes');
    const sent = await open(server).send({ method: 'PUT', ref, url, body: bytes, actions: 'pull,push' });
    expect([streamed.response.status, sent.response.status]).toEqual([202, 202]);
    expect(read).toEqual(['stream', 'stream', 'bytes', 'bytes']);
  });

  it('fetches one token for 200 requests at once, and one more when that is revoked', async () => {
    const server = tokenRegistry();
    const { session } = connect(server, { credential: credential() });
    const pullAll = () => Promise.all(Array.from({ length: 200 }, () => readManifestBytes(session, ref)));
    expect(await pullAll()).toHaveLength(200);
    expect(server.issued()).toBe(1);
    server.revoke();
    expect(await pullAll()).toHaveLength(200);
    expect(server.issued()).toBe(2);
    expect(server.open()).toBe(0);
  });

  it('replaces a token that another session has left in the cache, and that is taken no more', async () => {
    const [server, tokenCache, own] = [tokenRegistry(), createTokenCache(), credential()];
    const read = () => readManifestBytes(connect(server, { credential: own, tokenCache }).session, ref);
    await read();
    server.revoke();
    await read();
    expect(server.issued()).toBe(2);
    server.revoke();
    expect(await Promise.all([read(), read(), read()])).toHaveLength(3);
    expect(server.issued()).toBe(3);
    const sent = server.requests.slice(3).map((request) => (isRealm(request) ? 'token' : authorization(request)));
    expect(sent.slice(0, 4)).toEqual([undefined, 'Bearer t1', 'token', 'Bearer t2']);
  });

  it('fetches one token for a request that is refused whatever it brings', async () => {
    let issued = 0;
    const server = createMemoryTransport((request) =>
      isRealm(request) ? tokenReply(`t${(issued += 1)}`) : bearerChallenge(),
    );
    const [tokenCache, own] = [createTokenCache(), credential()];
    for (const tokens of [1, 2, 3]) {
      const { session } = connect(server, { credential: own, tokenCache });
      await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ status: 401 });
      expect(issued).toBe(tokens);
    }
  });

  it('replaces a token before it runs out, without being turned away first', async () => {
    const server = tokenRegistry();
    const { session, clock } = connect(server);
    await readManifestBytes(session, ref);
    await clock.advance(3_240_000);
    await readManifestBytes(session, ref);
    expect(server.requests.map((request) => (isRealm(request) ? 'token' : authorization(request)))).toEqual([
      undefined,
      'token',
      'Bearer t1',
      'token',
      'Bearer t2',
    ]);
  });

  it('goes on from the same offset with a new token', async () => {
    const ranges: (string | undefined)[] = [];
    const server = tokenRegistry(({ headers }) => {
      ranges.push(headers['range']);
      const { size } = blob;
      return headers['range'] === undefined
        ? { body: manifest }
        : { status: 206, headers: { 'content-range': `bytes 5-${size - 1}/${size}` }, body: manifest.subarray(5) };
    });
    const { session } = connect(server);
    await openBlob(session, ref, blob);
    server.revoke();
    const resumed = await openBlob(session, ref, blob, { offset: 5 });
    expect([resumed.offset, ...ranges]).toEqual([5, undefined, 'bytes=5-']);
    expect(server.issued()).toBe(2);
  });

  it('replaces the token of one blob twice and no more', async () => {
    const server = tokenRegistry(() => {
      server.revoke();
      return { body: manifest };
    });
    const session = open(server);
    const refreshes = { left: 2 };
    const statuses: number[] = [];
    for (let part = 0; part < 5; part += 1) {
      const { response } = await session.send({ method: 'GET', ref, url, refreshes });
      await response.discard();
      statuses.push(response.status);
    }
    expect(statuses).toEqual([200, 200, 200, 401, 401]);
    expect(server.issued()).toBe(3);
  });

  it('lets one caller leave while the others get their token [I4]', async () => {
    let release: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let tokenSignal: AbortSignal | undefined;
    const server = createMemoryTransport(async (request) => {
      if (!isRealm(request)) return authorization(request) === undefined ? bearerChallenge() : found;
      tokenSignal = request.signal;
      await gate;
      return tokenReply('t');
    });
    const { session } = connect(server);
    const leaver = countingSignal();
    const reason = new Error('enough');
    const left = expect(readManifestBytes(session, ref, { signal: leaver.signal })).rejects.toBe(reason);
    const stayed = readManifestBytes(session, ref);
    await new Promise((resolve) => setTimeout(resolve, 0));
    leaver.abort(reason);
    await left;
    expect(tokenSignal?.aborted).toBe(false);
    release?.();
    await stayed;
    expect(toRealm(server).length).toBe(1);
    await assertInvariants({ signals: [leaver] });
  });

  it('gives the token up when everybody has left, and fetches it for whoever comes then [I4]', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const server = createMemoryTransport(async (request): Promise<Reply> => {
      if (!isRealm(request)) return authorization(request) === undefined ? bearerChallenge() : found;
      signals.push(request.signal);
      if (signals.length > 1) return tokenReply('t');
      return new Promise((_, reject) => {
        request.signal?.addEventListener('abort', () => reject(request.signal?.reason as Error));
      });
    });
    const { session } = connect(server);
    const reason = new Error('enough');
    const leavers = [countingSignal(), countingSignal()];
    const left = leavers.map(({ signal }) => expect(readManifestBytes(session, ref, { signal })).rejects.toBe(reason));
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (const { abort } of leavers) abort(reason);
    await Promise.all(left);
    expect(signals[0]?.aborted).toBe(true);
    await readManifestBytes(session, ref);
    expect(signals).toHaveLength(2);
    await assertInvariants({ signals: leavers });
  });

  it('tells all who wait when the token cannot be had, and tries again for the next', async () => {
    let down = true;
    const server = createMemoryTransport((request) => {
      if (isRealm(request)) return down ? { status: 403 } : tokenReply('t');
      return authorization(request) === undefined ? bearerChallenge() : found;
    });
    const { session } = connect(server);
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => readManifestBytes(session, ref)));
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    down = false;
    await readManifestBytes(session, ref);
    expect(server.open()).toBe(0);
  });
});

describe('a way to sign in [A16]', () => {
  it.each([
    ['bearer, then basic', [bearerChallenge(), basicChallenge]],
    ['basic, then bearer', [basicChallenge, bearerChallenge()]],
  ])('does not change in one pull: %s', async (_, challenges) => {
    let asked = 0;
    const server = createMemoryTransport((request): Reply => {
      if (isRealm(request)) return tokenReply('t');
      asked += 1;
      if (asked === 2) return found;
      return challenges[asked === 1 ? 0 : 1] ?? found;
    });
    const { session } = connect(server, { credential: credential() });
    await readManifestBytes(session, ref);
    await expect(openBlob(session, ref, blob)).rejects.toMatchObject({ status: 401 });
    const ways = new Set(
      server.requests.filter((request) => !isRealm(request)).map((request) => authorization(request)?.split(' ')[0]),
    );
    expect(ways.size).toBe(2);
  });
});
