import { describe, expect, it } from 'vitest';
import { createCredential, createSecret, type DockerConfigEntry } from 'kubepull/docker-config';
import { TransportError, type TransportPhase } from 'kubepull/errors';
import { createKeyring } from 'kubepull/keyring';
import { createMirrorEndpoint, createUpstreamEndpoint, type RegistryEndpoint } from 'kubepull/mirrors';
import { nodeHasher } from 'kubepull/node';
import { formatStoreName, type PullEvent, type PullOptions, type PullRuntime } from 'kubepull/puller';
import { parseReference } from 'kubepull/reference';
import { canary } from '../support/canary.ts';
import { createMemoryTransport } from '../support/memory-transport.ts';
import { amd64, openStore, tryPull } from './downloads-support.ts';
import { entryFor } from './mirrors-support.ts';
import { startRangeServer } from './ranges-support.ts';

const basic = { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
const credentials = (events: readonly PullEvent[]) =>
  events.flatMap((event) => (event.type === 'credential' ? [event] : []));
const outcomes = (events: readonly PullEvent[]) => credentials(events).map(({ rank, outcome }) => `${rank} ${outcome}`);
const sentTo = (requests: readonly { readonly url: string; readonly headers: Readonly<Record<string, string>> }[]) =>
  requests.flatMap(({ headers }) => (headers['authorization'] === undefined ? [] : [headers['authorization']]));

/** Pulls `r.example/app:1` of a server that answers as the image does, but for what `transport` does instead. */
async function pullWith(
  transport: (next: PullRuntime['transport']) => PullRuntime['transport'],
  options: Partial<PullOptions>,
) {
  const server = startRangeServer([100]);
  const runtime = { ...server.runtime, transport: transport(server.transport) };
  return { ...(await tryPull(server.name, { runtime, store: await openStore('memory'), ...options })), server };
}

const two = (): readonly DockerConfigEntry[] =>
  ['r.example/app', 'r.example'].map((pattern) => entryFor(pattern, canary('password')));

describe('the credentials of a pull', () => {
  it('are told with where they come from, and never with what they are', async () => {
    const keyring = createKeyring(two());
    const [first] = keyring.lookup(parseReference('r.example/app')).candidates;
    const { error, events } = await pullWith((next) => next, { keyring });
    expect(error).toBeUndefined();
    const shown = { rank: 1, source: first?.entry.source, error: undefined };
    expect(credentials(events)).toMatchObject([
      { type: 'credential', ...shown, candidate: { key: first?.key }, outcome: 'trying' },
      { type: 'credential', ...shown, candidate: { key: first?.key }, outcome: 'accepted' },
    ]);
    for (const event of credentials(events)) expect(event).not.toHaveProperty('credential');
  });

  it('that are equal to a refused one are not sent again', async () => {
    const password = canary('password');
    const other = canary('password');
    const keyring = createKeyring([
      entryFor('r.example/team/app', password),
      entryFor('r.example/team', other),
      entryFor('r.example', password),
    ]);
    const server = createMemoryTransport(() => basic);
    const runtime = { transport: server.transport, createHasher: nodeHasher, platform: amd64 };
    const { error, events } = await tryPull('r.example/team/app', {
      runtime,
      store: await openStore('memory'),
      keyring,
    });
    expect(outcomes(events)).toEqual(['1 trying', '1 rejected', '2 trying', '2 rejected', '3 duplicate']);
    expect(credentials(events).map((event) => event.error?.code)).toEqual([
      undefined,
      'ERR_REGISTRY_RESPONSE',
      undefined,
      'ERR_REGISTRY_RESPONSE',
      undefined,
    ]);
    expect(error).toMatchObject({
      code: 'ERR_PULL_FAILED',
      image: 'r.example/team/app',
      attempts: [{ rank: 1 }, { rank: 2 }],
    });
    expect(error).toMatchObject({ message: expect.stringMatching(/^Cannot pull "r\.example\/team\/app": /) as string });
    expect(new Set(sentTo(server.requests)).size).toBe(2);
  });

  it.each<[TransportPhase, readonly string[]]>([
    ['lookup', ['1 trying']],
    ['connect', ['1 trying']],
    ['tls', ['1 trying']],
    ['headers', ['1 trying', '1 rejected', '2 trying', '2 rejected']],
    ['body', ['1 trying', '1 rejected', '2 trying', '2 rejected']],
  ])('after the first are for a registry that has been reached: %s', async (phase, expected) => {
    const failure = new TransportError('Cannot GET https://r.example/: no', {
      method: 'GET',
      url: 'https://r.example/',
      phase,
      retryable: false,
    });
    const { error, events } = await pullWith(() => () => Promise.reject(failure), { keyring: createKeyring(two()) });
    expect(outcomes(events)).toEqual(expected);
    expect(error).toMatchObject({ code: 'ERR_PULL_FAILED' });
  });

  it.each([
    [403, ['1 trying', '1 rejected', '2 trying', '2 rejected']],
    [404, ['1 trying', '1 rejected', '2 trying', '2 rejected']],
    [503, ['1 trying']],
  ])('after the first are not tried at a registry that is busy: %d', async (status, expected) => {
    const server = createMemoryTransport(() => ({ status }));
    const { error, events } = await pullWith(() => server.transport, {
      keyring: createKeyring(two()),
      retry: { attempts: 1 },
    });
    expect(outcomes(events)).toEqual(expected);
    expect(error).toMatchObject({ code: 'ERR_PULL_FAILED' });
  });

  it('are looked up for the image that is asked for, with the signal of the pull', async () => {
    const asked: unknown[] = [];
    const empty = createKeyring([]);
    const keyring: PullOptions['keyring'] = {
      lookup: (image, options) => {
        asked.push(image, options?.signal?.aborted);
        return empty.lookup(image);
      },
    };
    const { error, events } = await pullWith((next) => next, { keyring });
    expect([error, asked]).toEqual([undefined, [{ domain: 'r.example', path: 'app' }, false]]);
    expect(credentials(events)).toMatchObject([
      { rank: 1, source: { kind: 'anonymous' }, candidate: undefined, outcome: 'trying' },
      { rank: 1, outcome: 'accepted' },
    ]);
  });

  it('pass an error on that is not ours, and try no other', async () => {
    const odd = new TypeError('a transport of somebody else');
    const { error, events } = await pullWith(() => () => Promise.reject(odd), { keyring: createKeyring(two()) });
    expect([error, outcomes(events)]).toEqual([odd, ['1 trying']]);
  });

  it('are not shown to whom an endpoint redirects that is asked anonymously', async () => {
    const target = 'https://other.example/v2/app/manifests/1';
    const server = createMemoryTransport(({ url }) =>
      url.startsWith('https://m.example') ? { status: 307, headers: { location: target } } : basic,
    );
    const keyring = createKeyring([entryFor('other.example', canary('password'))]);
    const endpoint = (anonymous: boolean) => (): readonly RegistryEndpoint[] => [
      { ...createMirrorEndpoint('https://m.example', parseReference('r.example/app:1')), anonymous },
    ];
    const ask = async (anonymous: boolean) => {
      const options = { keyring, endpoints: endpoint(anonymous), retry: { attempts: 1 } };
      await pullWith(() => server.transport, options);
      return sentTo(server.requests).length > 0;
    };
    expect([await ask(true), await ask(false)]).toEqual([false, true]);
  });
});

describe('the endpoints of a pull', () => {
  const upstream = createUpstreamEndpoint(parseReference('r.example/app:1'));

  it('are told with what is wanted of them, and why one failed', async () => {
    const mirror = createMirrorEndpoint('https://m.example', parseReference('r.example/app:1'));
    const { events } = await pullWith(
      (next) => (request) =>
        request.url.startsWith('https://m.example')
          ? createMemoryTransport(() => ({ status: 404 })).transport(request)
          : next(request),
      { endpoints: () => [mirror, upstream] },
    );
    const told = events.filter(({ type }) => type === 'endpoint');
    const common = { type: 'endpoint', purpose: 'pull' };
    expect(told).toEqual([
      { ...common, endpoint: mirror, outcome: 'trying', error: undefined },
      { ...common, endpoint: mirror, outcome: 'failed', error: expect.objectContaining({ status: 404 }) as unknown },
      { ...common, endpoint: upstream, outcome: 'trying', error: undefined },
      { ...common, endpoint: upstream, outcome: 'served', error: undefined },
    ]);
  });

  it.each([
    ['r.example/app:1', 'pull', 'Cannot pull r.example/app: none of its endpoints may be asked for tags'],
    [
      `r.example/app@sha256:${'a'.repeat(64)}`,
      'resolve',
      'Cannot pull r.example/app: none of its endpoints may be asked for content',
    ],
  ] as const)('are refused for %s when all of them may only %s', async (image, capability, message) => {
    const server = createMemoryTransport(() => ({}));
    const runtime = { transport: server.transport, createHasher: nodeHasher, platform: amd64 };
    const endpoints = () => [{ ...upstream, capabilities: [capability] }];
    const { error } = await tryPull(image, { runtime, store: await openStore('memory'), endpoints });
    expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID', message });
    expect(server.requests).toEqual([]);
  });

  it('are not even found for a pull that is aborted before', async () => {
    let asked = 0;
    const endpoints = () => {
      asked += 1;
      return [upstream];
    };
    const { error } = await pullWith((next) => next, { endpoints, signal: AbortSignal.abort('enough') });
    expect([error, asked]).toEqual(['enough', 0]);
  });

  it('hear of the image and the signal, and get what the image is at them', async () => {
    const asked: unknown[] = [];
    const { pulled, server } = await pullWith((next) => next, {
      credential: createCredential({ username: 'u', password: createSecret(canary('password')) }),
      endpoints: (ref, options) => {
        asked.push(ref.name, options?.signal?.aborted);
        return [{ ...upstream, origin: 'https://m.example:8443', repository: 'copies/app' }];
      },
    });
    expect(asked).toEqual(['r.example/app', false]);
    expect(server.requests[0]?.url).toBe('https://m.example:8443/v2/copies/app/manifests/1');
    expect(pulled).toMatchObject({
      image: 'r.example/app:1',
      name: 'r.example/app:1',
      source: { kind: 'inline' },
      attempts: [],
      platform: amd64,
    });
  });
});

describe('formatStoreName', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['r.example/app:1', 'r.example/app:1'],
    [`nginx:1@sha256:${'a'.repeat(64)}`, `docker.io/library/nginx@sha256:${'a'.repeat(64)}`],
  ])('of %s is %s', (image, name) => {
    expect(formatStoreName(image)).toBe(name);
  });
});
