import { describe, expect, it } from 'vitest';
import { type Credential, createSecret, type DockerConfigEntry, parseDockerConfig } from 'kubepull/docker-config';
import { TransportError } from 'kubepull/errors';
import { createKeyring, type Keyring } from 'kubepull/keyring';
import { nodeHasher } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';
import { createMemoryStore } from 'kubepull/store';
import { createFakeClock } from 'kubepull/testing';
import { canary } from '../../support/canary.ts';
import { createMemoryTransport, type MemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { authorization, basicChallenge } from '../support.ts';

const entry = (pattern: string, username: string, password: string): DockerConfigEntry => {
  const credential: Credential = {
    username,
    password: createSecret(password),
    identityToken: undefined,
    registryToken: undefined,
    email: undefined,
  };
  return { pattern, credential, source: { kind: 'inline' } };
};

async function pull(image: string, server: MemoryTransport, keyring: Keyring): Promise<unknown> {
  const clock = createFakeClock();
  return pullImage(image, {
    runtime: {
      transport: server.transport,
      createHasher: nodeHasher,
      platform: { os: 'linux', architecture: 'amd64' },
      clock: { ...clock, sleep: async () => undefined },
    },
    store: createMemoryStore({ createHasher: nodeHasher }),
    keyring,
  }).catch((error: unknown) => error);
}

/** The user names that a server was shown, in order. */
const usersAt = (server: MemoryTransport): readonly string[] =>
  server.requests.flatMap((request) => {
    const sent = authorization(request);
    return sent === undefined ? [] : [Buffer.from(sent.slice(6), 'base64').toString().split(':', 1)[0] ?? ''];
  });

const refusing = (answer: Reply): MemoryTransport =>
  createMemoryTransport((request) => (authorization(request) === undefined ? basicChallenge : answer));

describe('several credentials [A20]', () => {
  it('are shown in order, each once, and an equal one not again', async () => {
    const passwords = Array.from({ length: 10 }, () => canary('password'));
    // From the longest key to the shortest: the keyring's order. Two of the ten are what others are already.
    const entries = passwords.map((password, at) => {
      const same = at === 4 ? 1 : at === 7 ? 6 : at;
      return entry(`r.example/${'x'.repeat(10 - at)}`, `u${same}`, same === at ? password : (passwords[same] ?? ''));
    });
    const server = refusing({ status: 401, headers: basicChallenge.headers ?? {} });
    const error = await pull(`r.example/${'x'.repeat(10)}`, server, createKeyring(entries));
    expect(error).toMatchObject({ code: 'ERR_PULL_FAILED', attempts: { length: 8 } });
    expect(usersAt(server)).toEqual(['u0', 'u1', 'u2', 'u3', 'u5', 'u6', 'u8', 'u9']);
  });

  it.each([429, 500, 502, 503, 504])(
    'stay what they are while the registry answers %d: the next is not tried',
    async (status) => {
      const server = refusing({ status, headers: { 'retry-after': '1' } });
      const keyring = createKeyring([
        entry('r.example/team', 'first', canary('password')),
        entry('r.example', 'second', canary('password')),
      ]);
      expect(await pull('r.example/team/app', server, keyring)).toMatchObject({ attempts: { length: 1 } });
      expect(usersAt(server)).toEqual(Array(5).fill('first'));
    },
  );

  it.each([401, 403, 404])('go on to the next after %d', async (status) => {
    const server = refusing({ status });
    const keyring = createKeyring([
      entry('r.example/team', 'first', canary('password')),
      entry('r.example', 'second', canary('password')),
    ]);
    expect(await pull('r.example/team/app', server, keyring)).toMatchObject({ attempts: { length: 2 } });
    expect(new Set(usersAt(server))).toEqual(new Set(['first', 'second']));
  });
});

describe('several credentials, where a credential makes no difference or all of it [A20]', () => {
  const keyring = () =>
    createKeyring([
      entry('r.example/team', 'first', canary('password')),
      entry('r.example', 'second', canary('password')),
    ]);

  it.each(['lookup', 'connect', 'tls'] as const)('are not tried when nobody was reached: %s', async (phase) => {
    const failure = new TransportError('down', { method: 'GET', url: 'https://r.example/', phase, retryable: true });
    const server = createMemoryTransport(() => Promise.reject(failure));
    expect(await pull('r.example/team/app', server, keyring())).toMatchObject({ attempts: { length: 1 } });
    expect(server.requests).toHaveLength(5);
  });

  it.each(['headers', 'body'] as const)('are tried when the answer was lost: %s', async (phase) => {
    const failure = new TransportError('cut', { method: 'GET', url: 'https://r.example/', phase, retryable: false });
    const server = createMemoryTransport(() => Promise.reject(failure));
    expect(await pull('r.example/team/app', server, keyring())).toMatchObject({ attempts: { length: 2 } });
  });

  it('go on to the next when the first is sent to a page for people [M09]', async () => {
    const server = createMemoryTransport((request): Reply => {
      if (request.url.endsWith('/login')) return { headers: { 'content-type': 'text/html' }, body: '<html>' };
      if (authorization(request) === undefined) return basicChallenge;
      return usersAt({ ...server, requests: [request] })[0] === 'first'
        ? { status: 302, headers: { location: '/login' } }
        : { status: 404 };
    });
    expect(await pull('r.example/team/app', server, keyring())).toMatchObject({
      attempts: [{ error: { code: 'ERR_REGISTRY_DOCUMENT' } }, { error: { status: 404 } }],
    });
  });

  it('end with that page when it is the last that is shown it [M09]', async () => {
    const server = refusing({ headers: { 'content-type': 'text/html' }, body: '<html>' });
    expect(await pull('r.example/team/app', server, keyring())).toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
    expect(usersAt(server)).toEqual(['first', 'second']);
  });
});

describe('a credential that cannot be used [A21]', () => {
  it.each([
    ['not base64', { auth: '*' }],
    ['without a colon', { auth: 'bm9jb2xvbg==' }],
    ['of the wrong type', { auth: 5 }],
    ['no object', 5],
  ])('is not replaced by another registry’s: an entry %s', async (_, broken) => {
    const hub = canary('password');
    const auths = {
      'r.example': broken,
      'https://index.docker.io/v1/': { username: 'hub', password: hub },
      'other.example': { username: 'other', password: canary('password') },
    };
    const { entries, skipped } = parseDockerConfig(JSON.stringify({ auths }), { mode: 'lenient' });
    expect(skipped.map(({ pattern }) => pattern)).toEqual(['r.example']);
    const server = refusing({ status: 403 });
    await pull('r.example/team/app', server, createKeyring(entries));
    expect(usersAt(server)).toEqual([]);
    const atHub = refusing({ status: 403 });
    await pull('nginx', atHub, createKeyring(entries));
    expect(usersAt(atHub)).toEqual(['hub']);
    expect(atHub.requests.every(({ url }) => url.startsWith('https://registry-1.docker.io/'))).toBe(true);
  });

  it('does not stop the next that is for the same registry [A22]', async () => {
    const keyring = createKeyring([
      entry('r.example/team', 'bad\r\nuser', canary('password')),
      entry('r.example', 'good', canary('password')),
    ]);
    const server = refusing({ status: 403 });
    const error = await pull('r.example/team/app', server, keyring);
    expect(error).toMatchObject({
      attempts: [{ error: { rule: 'unsendable-credential' } }, { error: { status: 403 } }],
    });
    expect(usersAt(server)).toEqual(['good']);
  });
});

describe('a key with a path [A03]', () => {
  it.each([
    ['r.example/team-a', false],
    ['r.example', true],
  ])('%s goes to another repository by a redirect: %s', async (key, taken) => {
    const server = createMemoryTransport((request): Reply => {
      if (request.url.includes('/team-b/')) return { status: 404 };
      if (authorization(request) === undefined) return basicChallenge;
      return { status: 307, headers: { location: '/v2/team-b/app/manifests/1' } };
    });
    await pull('r.example/team-a/app:1', server, createKeyring([entry(key, 'u', canary('password'))]));
    const last = server.requests.at(-1);
    expect(last?.url).toBe('https://r.example/v2/team-b/app/manifests/1');
    expect(last !== undefined && authorization(last) !== undefined).toBe(taken);
  });
});
