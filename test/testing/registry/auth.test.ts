import { describe, expect, it } from 'vitest';
import {
  buildImage,
  createFakeClock,
  DEFAULT_TOKEN_LIFETIME_SECONDS,
  type LoopbackRegistry,
  type LoopbackRegistryOptions,
  type RepositoryAuth,
} from 'kubepull/testing';
import { canary } from '../../support/canary.ts';
import { startRegistry } from '../../support/registry.ts';

const basic = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

async function start(
  auth: Readonly<Record<string, RepositoryAuth>>,
  options: LoopbackRegistryOptions = {},
): Promise<LoopbackRegistry> {
  const registry = await startRegistry({ ...options, auth });
  for (const name of ['team/app', 'team/b', 'open/app']) registry.push(name, '1', buildImage({ layers: [] }));
  return registry;
}

interface Answer {
  readonly status: number;
  readonly challenge: string | null;
  readonly code: string | undefined;
}

async function pull(registry: LoopbackRegistry, repository: string, authorization?: string): Promise<Answer> {
  const response = await fetch(`${registry.origin}/v2/${repository}/manifests/1`, {
    headers: authorization === undefined ? {} : { authorization },
  });
  const body = (await response.json()) as { errors?: readonly { code: string }[] };
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    code: body.errors?.[0]?.code,
  };
}

interface TokenReply {
  readonly token?: string;
  readonly access_token: string;
  readonly expires_in: number;
  readonly issued_at: string;
  readonly refresh_token?: string;
}

async function getToken(
  registry: LoopbackRegistry,
  authorization: string | undefined,
  scopes: readonly string[],
  extra: Readonly<Record<string, string>> = {},
): Promise<TokenReply> {
  const query = new URLSearchParams([
    ['service', 'loopback-registry'],
    ...scopes.map((scope) => ['scope', scope]),
    ...Object.entries(extra),
  ] as string[][]);
  const headers = authorization === undefined ? {} : { authorization };
  const response = await fetch(`${registry.origin}/token?${query.toString()}`, { headers });
  if (!response.ok) throw new Error(`token endpoint: ${response.status}`);
  return (await response.json()) as TokenReply;
}

const postToken = (registry: LoopbackRegistry, form: Readonly<Record<string, string>>): Promise<Response> =>
  fetch(`${registry.origin}/token`, {
    method: 'POST',
    body: new URLSearchParams({ service: 'loopback-registry', client_id: 'test', ...form }),
  });

const SCOPE = 'repository:team/app:pull';

describe('basic', () => {
  it('asks, takes the right password, and refuses any other', async () => {
    const [right, wrong] = [canary('password'), canary('password')];
    const registry = await start({ 'team/': { type: 'basic', accounts: [{ username: 'u', password: right }] } });
    const refused = { status: 401, challenge: 'Basic realm="loopback-registry"', code: 'UNAUTHORIZED' };
    expect(await pull(registry, 'team/app')).toEqual(refused);
    expect(await pull(registry, 'team/app', basic('u', wrong))).toEqual(refused);
    expect(await pull(registry, 'team/app', basic('v', right))).toEqual(refused);
    expect(await pull(registry, 'team/app', `Bearer ${right}`)).toEqual(refused);
    expect(await pull(registry, 'team/app', 'Basic ?')).toEqual(refused);
    expect(await pull(registry, 'team/app', basic('u', right))).toMatchObject({ status: 200 });
    expect(await pull(registry, 'open/app')).toMatchObject({ status: 200 });
    expect(registry.requests.map(({ account }) => account).filter((name) => name !== undefined)).toEqual(['u']);
  });

  it('compares passwords byte by byte, colons and odd bytes included', async () => {
    const registry = await start({ '': { type: 'basic', accounts: [{ username: 'u', password: 'a:\udcff:é' }] } });
    const raw = Buffer.concat([Buffer.from('u:a:'), Buffer.from([0xff]), Buffer.from(':é')]).toString('base64');
    expect(await pull(registry, 'team/app', `basic ${raw}`)).toMatchObject({ status: 200 });
    expect(await pull(registry, 'team/app', basic('u', 'a:\ufffd:é'))).toMatchObject({ status: 401 });
  });

  it('protects /v2/ as well', async () => {
    const registry = await start({ 'team/': { type: 'basic', accounts: [{ username: 'u', password: 'p' }] } });
    expect((await fetch(`${registry.origin}/v2/`)).status).toBe(401);
    const headers = { authorization: basic('u', 'p') };
    expect((await fetch(`${registry.origin}/v2/`, { headers })).status).toBe(200);
  });

  it.each([
    [undefined, 403, 'DENIED'],
    [403, 403, 'DENIED'],
    [404, 404, 'NAME_UNKNOWN'],
  ] as const)('with denied: %s answers an account without the right with %d', async (denied, status, code) => {
    const accounts = [
      { username: 'u', password: 'p', repositories: ['team/b'] },
      { username: 'all', password: 'p' },
    ];
    const other = { type: 'basic', accounts: [{ username: 'stranger', password: 'p' }] } as const;
    const registry = await start({ 'team/': { type: 'basic', accounts, denied }, 'else/': other });
    expect(await pull(registry, 'team/app', basic('u', 'p'))).toEqual({ status, code, challenge: null });
    expect(await pull(registry, 'team/app', basic('stranger', 'p'))).toEqual({ status, code, challenge: null });
    expect(await pull(registry, 'team/b', basic('u', 'p'))).toMatchObject({ status: 200 });
    expect(await pull(registry, 'team/app', basic('all', 'p'))).toMatchObject({ status: 200 });
    expect(await pull(registry, 'team/app', basic('nobody', 'p'))).toMatchObject({ status: 401 });
  });

  it('lets the longest prefix decide', async () => {
    const registry = await start({
      '': { type: 'basic', accounts: [{ username: 'root', password: 'p' }] },
      'team/app': { type: 'anonymous' },
      'team/': { type: 'basic', accounts: [{ username: 'u', password: 'p' }] },
    });
    expect(await pull(registry, 'team/app', basic('whoever', ''))).toMatchObject({ status: 200 });
    expect(await pull(registry, 'team/b', basic('u', 'p'))).toMatchObject({ status: 200 });
    expect(await pull(registry, 'team/b', basic('root', 'p'))).toMatchObject({ status: 403 });
    expect(await pull(registry, 'open/app', basic('root', 'p'))).toMatchObject({ status: 200 });
  });

  it('lets the public pull when told to, but no wrong password', async () => {
    const registry = await start({ '': { type: 'basic', accounts: [], anonymousPull: true } });
    expect(await pull(registry, 'team/app')).toMatchObject({ status: 200 });
    expect(await pull(registry, 'team/app', basic('u', 'p'))).toMatchObject({ status: 401 });
  });
});

describe('bearer', () => {
  const bearer = (password: string, options: object = {}): Readonly<Record<string, RepositoryAuth>> => ({
    'team/': { type: 'bearer', accounts: [{ username: 'u', password, ...options }] },
  });
  const challengeOf = (registry: LoopbackRegistry, name = 'team/app', error = ''): string =>
    `Bearer realm="${registry.origin}/token",service="loopback-registry",scope="repository:${name}:pull"${error}`;

  it('sends the client for a token, and takes it', async () => {
    const password = canary('password');
    const registry = await start(bearer(password));
    const asked = await pull(registry, 'team/app');
    expect(asked).toEqual({ status: 401, challenge: challengeOf(registry), code: 'UNAUTHORIZED' });
    const reply = await getToken(registry, basic('u', password), [SCOPE]);
    expect(reply.expires_in).toBe(DEFAULT_TOKEN_LIFETIME_SECONDS);
    expect(reply.token === reply.access_token && /^[\w-]{43}$/.test(reply.access_token)).toBe(true);
    expect(await pull(registry, 'team/app', `Bearer ${reply.access_token}`)).toMatchObject({ status: 200 });
    expect(registry.requests.map(({ account, status }) => [account, status])).toEqual([
      [undefined, 401],
      ['u', 200],
      ['u', 200],
    ]);
  });

  it('names the host by which the client came', async () => {
    const registry = await start(bearer('p'));
    const response = await fetch(`http://localhost:${registry.port}/v2/`);
    const service = 'service="loopback-registry"';
    expect(response.headers.get('www-authenticate')).toBe(
      `Bearer realm="http://localhost:${registry.port}/token",${service}`,
    );
  });

  it('does not take Basic in place of a token', async () => {
    const registry = await start(bearer('p'));
    expect(await pull(registry, 'team/app', basic('u', 'p'))).toMatchObject({ status: 401 });
  });

  it.each(['wrong', ''])('gives no token for the password %j', async (password) => {
    const registry = await start(bearer('p'));
    await expect(getToken(registry, basic('u', password), [SCOPE])).rejects.toThrow('401');
    await expect(getToken(registry, 'Bearer x', [SCOPE])).rejects.toThrow('401');
  });

  it('gives no token for another service', async () => {
    const registry = await start(bearer('p'));
    const response = await fetch(`${registry.origin}/token?service=other&scope=${SCOPE}`);
    expect(response.status).toBe(400);
    expect((await fetch(`${registry.origin}/token`, { method: 'PUT' })).status).toBe(405);
  });

  it('denies a token for another repository, and asks for one that fits', async () => {
    const registry = await start(bearer('p'));
    for (const scope of ['repository:team/b:pull', 'repository:team/app:push', 'registry:catalog:*', '']) {
      const { access_token: token } = await getToken(registry, basic('u', 'p'), [scope]);
      expect(await pull(registry, 'team/app', `Bearer ${token}`)).toEqual({
        status: 401,
        challenge: challengeOf(registry, 'team/app', ',error="insufficient_scope"'),
        code: 'DENIED',
      });
    }
  });

  it('grants several scopes, given apart or in one', async () => {
    const registry = await start(bearer('p'));
    const scopes = [SCOPE, 'repository:team/b:push,pull'];
    for (const given of [scopes, [scopes.join(' ')]]) {
      const { access_token: token } = await getToken(registry, basic('u', 'p'), given);
      expect(await pull(registry, 'team/app', `Bearer ${token}`)).toMatchObject({ status: 200 });
      expect(await pull(registry, 'team/b', `Bearer ${token}`)).toMatchObject({ status: 200 });
    }
  });

  it.each([
    [403, 'DENIED'],
    [404, 'NAME_UNKNOWN'],
  ] as const)('denies an account without the right with %d', async (denied, code) => {
    const accounts = [{ username: 'u', password: 'p', repositories: ['team/b'] }];
    const registry = await start({ 'team/': { type: 'bearer', accounts, denied } });
    const { access_token: token } = await getToken(registry, basic('u', 'p'), [SCOPE]);
    expect(await pull(registry, 'team/app', `Bearer ${token}`)).toEqual({ status: denied, code, challenge: null });
  });

  it('gives the public a token that opens nothing, unless told to', async () => {
    const registry = await start({ ...bearer('p'), 'team/b': { type: 'bearer', accounts: [], anonymousPull: true } });
    const { access_token: token } = await getToken(registry, undefined, [SCOPE, 'repository:team/b:pull']);
    expect(await pull(registry, 'team/b')).toMatchObject({ status: 401 });
    expect(await pull(registry, 'team/b', `Bearer ${token}`)).toMatchObject({ status: 200 });
    expect(await pull(registry, 'team/app', `Bearer ${token}`)).toMatchObject({ status: 401, code: 'DENIED' });
  });

  it('forgets tokens when their time is over, or when they are revoked', async () => {
    const clock = createFakeClock({ now: 0 });
    const registry = await start(bearer('p'), { clock, tokenLifetimeSeconds: 60 });
    const first = await getToken(registry, basic('u', 'p'), [SCOPE]);
    expect([first.expires_in, first.issued_at]).toEqual([60, '1970-01-01T00:00:00.000Z']);
    const second = await getToken(registry, basic('u', 'p'), [SCOPE]);
    expect(second.access_token === first.access_token).toBe(false);
    clock.setWallClock(10 ** 12);
    await clock.advance(59_999);
    expect(await pull(registry, 'team/app', `Bearer ${first.access_token}`)).toMatchObject({ status: 200 });
    await clock.advance(1);
    const challenge = challengeOf(registry, 'team/app', ',error="invalid_token"');
    const stale = { status: 401, challenge, code: 'UNAUTHORIZED' };
    expect(await pull(registry, 'team/app', `Bearer ${first.access_token}`)).toEqual(stale);
    const third = await getToken(registry, basic('u', 'p'), [SCOPE]);
    expect(await pull(registry, 'team/app', `Bearer ${third.access_token}`)).toMatchObject({ status: 200 });
    registry.revokeTokens();
    expect(await pull(registry, 'team/app', `Bearer ${third.access_token}`)).toEqual(stale);
  });

  it('speaks OAuth2: password, refresh tokens of its own, and identity tokens', async () => {
    const identityToken = canary('identity-token');
    const registry = await start(bearer('p', { identityToken }));
    const ask = async (form: Readonly<Record<string, string>>): Promise<TokenReply> => {
      const response = await postToken(registry, { scope: SCOPE, ...form });
      expect(response.status).toBe(200);
      return (await response.json()) as TokenReply;
    };
    const byPassword = { grant_type: 'password', username: 'u', password: 'p' };
    const plain = await ask(byPassword);
    expect('token' in plain || 'refresh_token' in plain).toBe(false);
    const offline = await ask({ ...byPassword, access_type: 'offline' });
    const refreshed = await ask({ grant_type: 'refresh_token', refresh_token: offline.refresh_token ?? '' });
    const identified = await ask({ grant_type: 'refresh_token', refresh_token: identityToken });
    for (const { access_token: token } of [plain, offline, refreshed, identified]) {
      expect(await pull(registry, 'team/app', `Bearer ${token}`)).toMatchObject({ status: 200 });
    }
    const offlineByGet = await getToken(registry, basic('u', 'p'), [], { offline_token: 'true' });
    await ask({ grant_type: 'refresh_token', refresh_token: offlineByGet.refresh_token ?? '' });
  });

  it.each([
    { grant_type: 'password', username: 'u', password: 'wrong' },
    { grant_type: 'refresh_token', refresh_token: 'unknown' },
    { grant_type: 'refresh_token' },
    { grant_type: 'client_credentials', username: 'u', password: 'p' },
    {},
  ] as Readonly<Record<string, string>>[])('refuses the grant %j', async (form) => {
    const registry = await start(bearer('p'));
    expect((await postToken(registry, form)).status).toBe(401);
  });

  it('takes a registry token as it is', async () => {
    const registryToken = canary('registry-token');
    const registry = await start(bearer('p', { registryToken, repositories: ['team/a'] }));
    expect(await pull(registry, 'team/app', `Bearer ${registryToken}`)).toMatchObject({ status: 200 });
    expect(await pull(registry, 'team/b', `Bearer ${registryToken}`)).toMatchObject({ status: 403 });
    expect(await pull(registry, 'team/app', 'Bearer undefined')).toMatchObject({ status: 401 });
  });
});
