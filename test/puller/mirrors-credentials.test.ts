import { describe, expect, it } from 'vitest';
import { systemClock } from 'kubepull/clock';
import {
  createMirrorRoutes,
  createMirrorEndpoint,
  createMirrorEndpoints,
  type RegistryEndpoints,
  createUpstreamEndpoint,
} from 'kubepull/mirrors';
import { createKeyring, type Keyring } from 'kubepull/keyring';
import { createNodeRuntime, nodeHasher } from 'kubepull/node';
import { pullImage, pullImageEvents, type PullEvent } from 'kubepull/puller';
import { parseReference } from 'kubepull/reference';
import { createMemoryStore } from 'kubepull/store';
import { credentialName } from '../../src/mirrors/endpoints.ts';
import { imageNameText } from '../../src/reference/format.ts';
import type { LoopbackAccount, LoopbackRegistry } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { assertInvariants, countingSignal, startWatch } from '../support/invariants.ts';
import { startRegistry } from '../support/registry.ts';
import { amd64, endpointRows, entryFor, imageOf, pull, through } from './mirrors-support.ts';

interface Guarded {
  readonly registry: LoopbackRegistry;
  /** What opens it; no other registry of the test may see it. */
  readonly password: string;
}

/** A registry with `team/app:1` behind a password of its own. */
async function startGuarded(type: 'basic' | 'bearer'): Promise<Guarded> {
  const accounts: LoopbackAccount[] = [];
  const registry = await startRegistry({ auth: { '': { type, accounts } } });
  const password = canary('password', [registry.origin]);
  accounts.push({ username: 'u', password });
  for (const repository of ['team/app', 'hub/team/app']) registry.push(repository, '1', imageOf('same'));
  return { registry, password };
}

const sentCredentials = ({ requests }: LoopbackRegistry): readonly string[] =>
  requests.flatMap(({ headers }) => (headers['authorization'] === undefined ? [] : [headers['authorization']]));

describe.each(['basic', 'bearer'] as const)(
  'a credential goes to the endpoint that it is for, over %s [A17]',
  (type) => {
    it('gives each endpoint its own', async () => {
      const [mirror, upstream] = [await startGuarded(type), await startGuarded(type)];
      const keyring = createKeyring([
        entryFor(mirror.registry.host, mirror.password),
        entryFor(upstream.registry.host, upstream.password),
      ]);
      mirror.registry.fault({ path: /\/blobs\//, action: { kind: 'status', status: 404 } });
      const { pulled } = await pull(`${upstream.registry.host}/team/app:1`, {
        keyring,
        endpoints: through([mirror.registry]),
      });
      expect(pulled).toMatchObject({
        endpoint: { origin: upstream.registry.origin },
        source: { name: `for-${upstream.registry.host}` },
        attempts: [{ source: { name: `for-${mirror.registry.host}` } }],
      });
      // The canary hook fails the test when one has seen the other's; here only that both were used.
      expect(sentCredentials(mirror.registry).length).toBeGreaterThan(0);
      expect(sentCredentials(upstream.registry).length).toBeGreaterThan(0);
    });

    it.each<[string, (mirror: LoopbackRegistry) => RegistryEndpoints]>([
      ['by a URL', (mirror) => through([mirror])],
      [
        'by a rule',
        ({ origin }) => ownLast(createMirrorEndpoints(createMirrorRoutes([{ match: '**', endpoints: [origin] }]))),
      ],
      [
        'as the registry itself',
        ({ origin }) =>
          (ref) => [{ ...createUpstreamEndpoint(ref), origin }, ...plainUpstream(ref)],
      ],
    ])('asks a mirror given %s anonymously when it has none of its own', async (_, endpoints) => {
      const [mirror, upstream] = [await startGuarded(type), await startGuarded(type)];
      const { host } = upstream.registry;
      const keyring = createKeyring(
        [`${host}/team/app`, `${host}/team`, host].map((key) => entryFor(key, upstream.password)),
      );
      const { pulled } = await pull(`${host}/team/app:1`, { keyring, endpoints: endpoints(mirror.registry) });
      expect(pulled).toMatchObject({
        endpoint: { origin: upstream.registry.origin },
        attempts: [{ source: { kind: 'anonymous' }, error: { status: 401 } }],
      });
      expect(mirror.registry.requests.length).toBeGreaterThan(0);
      expect(sentCredentials(mirror.registry).filter((value) => value.startsWith('Basic '))).toEqual([]);
    });

    it('finds a credential by the repository that the mirror knows', async () => {
      const [mirror, upstream] = [await startGuarded(type), await startGuarded(type)];
      const keyring = createKeyring([
        entryFor(`${mirror.registry.host}/team`, canary('password', [])),
        entryFor(`${mirror.registry.host}/hub`, mirror.password),
      ]);
      const { pulled } = await pull(`${upstream.registry.host}/team/app:1`, {
        keyring,
        endpoints: through([`${mirror.registry.origin}/v2/hub`]),
      });
      expect(pulled).toMatchObject({ endpoint: { origin: mirror.registry.origin, repository: 'hub/team/app' } });
      expect(upstream.registry.requests).toEqual([]);
    });

    it('keeps all credentials from an endpoint that is to be asked anonymously', async () => {
      const mirror = await startGuarded(type);
      const keyring = createKeyring([entryFor(mirror.registry.host, canary('password', []))]);
      const endpoints: RegistryEndpoints = (ref) => [
        { ...createMirrorEndpoint(mirror.registry.origin, ref), anonymous: true },
      ];
      await expect(pull('team/app:1', { keyring, endpoints })).rejects.toMatchObject({
        attempts: [{ source: { kind: 'anonymous' }, error: { status: 401 } }],
      });
    });

    it('follows a mirror that redirects to the registry with the credential for that, and never with its own', async () => {
      const [mirror, upstream] = [await startGuarded(type), await startGuarded(type)];
      const { registry } = upstream;
      const location = `${registry.origin}/v2/team/app/manifests/1`;
      mirror.registry.fault({ path: /\/manifests\//, action: { kind: 'redirect', location } });
      const endpoints = through([mirror.registry]);
      const image = `${registry.host}/team/app:1`;
      const own = entryFor(mirror.registry.host, mirror.password);
      const both = createKeyring([own, entryFor(registry.host, upstream.password)]);
      const { pulled } = await pull(image, { keyring: both, endpoints });
      expect([pulled.endpoint.origin, pulled.attempts]).toEqual([mirror.registry.origin, []]);
      await expect(pull(image, { keyring: createKeyring([own]), endpoints })).rejects.toMatchObject({
        attempts: [{ error: { status: 401 } }, { error: { status: 401 } }],
      });
    });

    it('leaves nothing open, and nothing false in the store', async () => {
      const watch = startWatch();
      const [mirror, upstream] = [await startGuarded(type), await startGuarded(type)];
      const keyring = createKeyring([
        entryFor(mirror.registry.host, mirror.password),
        entryFor(upstream.registry.host, upstream.password),
      ]);
      mirror.registry.fault({ path: /\/blobs\//, action: { kind: 'flip', offset: 100 } });
      const runtime = createNodeRuntime({ platform: amd64, clock: { ...systemClock, sleep: async () => undefined } });
      const store = createMemoryStore({ createHasher: nodeHasher });
      const counting = countingSignal();
      const image = `${upstream.registry.host}/team/app:1`;
      const { name } = await pullImage(image, {
        runtime,
        store,
        keyring,
        signal: counting.signal,
        endpoints: through([mirror.registry]),
      });
      await assertInvariants({
        stores: [{ store, names: [name] }],
        closeables: [runtime],
        registries: [mirror.registry, upstream.registry],
        signals: [counting],
        watch,
      });
    });

    it('tries a credential that the mirror refused at the registry, when it is meant for both', async () => {
      const mirror = await startRegistry({ auth: { '': { type, accounts: [] } } });
      const password = canary('password');
      const upstream = await startRegistry({ auth: { '': { type, accounts: [{ username: 'u', password }] } } });
      upstream.push('team/app', '1', imageOf('same'));
      const keyring = createKeyring([mirror, upstream].map(({ host }) => entryFor(host, password)));
      const { pulled, events } = await pull(`${upstream.host}/team/app:1`, { keyring, endpoints: through([mirror]) });
      expect(pulled.endpoint.origin).toBe(upstream.origin);
      expect(endpointRows(events)).toHaveLength(4);
      expect(events).not.toContainEqual(expect.objectContaining({ outcome: 'duplicate' }));
    });
  },
);

const plainUpstream: (
  ref: Parameters<typeof createUpstreamEndpoint>[0],
) => readonly ReturnType<typeof createUpstreamEndpoint>[] = (ref) => [createUpstreamEndpoint(ref, { plainHttp: true })];

/** A route's mirrors, with the registry on plain HTTP behind them. */
function ownLast(endpoints: RegistryEndpoints): RegistryEndpoints {
  return async (ref) => [...(await endpoints(ref)).filter(({ upstream }) => !upstream), ...plainUpstream(ref)];
}

describe('credentialName', () => {
  it.each([
    ['nginx', 'https://registry-1.docker.io', 'docker.io/library/nginx'],
    ['nginx', 'https://mirror.test:5000', 'mirror.test:5000/library/nginx'],
    ['r.test:443/app', 'https://r.test', 'r.test:443/app'],
    ['r.test/app', 'https://r.test', 'r.test/app'],
    ['r.test/app', 'https://r.test:444', 'r.test:444/app'],
    ['r.test/app', 'https://registry-1.docker.io', 'docker.io/app'],
    ['ex_ample.com/foo', 'https://m.test', 'm.test/ex_ample.com/foo'],
  ])('for %s at %s is %s [A17]', (image, origin, name) => {
    const ref = parseReference(image);
    const endpoint = { ...createMirrorEndpoint('https://any.test', ref), origin };
    expect(imageNameText(credentialName(endpoint, ref))).toBe(name);
    expect(imageNameText(credentialName({ ...endpoint, upstream: true }, ref))).toBe(name);
  });
});

describe('mirrorEndpoint', () => {
  it.each([
    ['https://m.test', '/v2', 'library/nginx'],
    ['https://m.test/', '/v2', 'library/nginx'],
    ['https://m.test/v2', '/v2', 'library/nginx'],
    ['https://m.test/v2/', '/v2', 'library/nginx'],
    ['https://m.test/v2/hub', '/v2', 'hub/library/nginx'],
    ['https://m.test/artifactory/api/docker/hub', '/artifactory/api/docker/hub/v2', 'library/nginx'],
    ['https://m.test/api/docker/hub/v2', '/api/docker/hub/v2', 'library/nginx'],
    ['https://m.test/a/v2/b/c', '/a/v2', 'b/c/library/nginx'],
    ['https://m.test/v2x', '/v2x/v2', 'library/nginx'],
  ])('reads %s', (url, apiPath, repository) => {
    expect(createMirrorEndpoint(url, parseReference('nginx'))).toEqual({
      origin: 'https://m.test',
      apiPath,
      repository,
      namespace: 'docker.io',
      capabilities: ['pull', 'resolve'],
      upstream: false,
      anonymous: false,
    });
  });

  const secret = 'not-for-messages';
  it.each([
    `https://u:${secret}@m.test`,
    `https://${secret}@m.test`,
    `https://:${secret}@m.test`,
    `https://@m.test`,
    `https://u:${secret}@m.test/v2`,
    `http://u:${secret}@127.0.0.1`,
    `https://127.0.0.1%2f@m.test`,
    `https://127.0.0.1%2f%40${secret}@m.test`,
    `https://m.test\\@evil.test`,
    `https:\\\\m.test`,
    `https:m.test`,
    `https://m.test/?u=${secret}`,
    `https://m.test/#${secret}`,
    `https://m.test?${secret}`,
    `https://m.test/%2e%2e/x`,
    `https://m.test/a/../b`,
    `https://m.test/a//b`,
    `https://m.test/${secret}%00`,
    ` https://m.test`,
    `https://m.te\nst`,
    `ftp://m.test`,
    `file:///etc/${secret}`,
    `javascript:${secret}`,
    `m.test`,
    `//m.test`,
    ``,
  ])('refuses %j [A18]', (url) => {
    const refused = (): unknown => createMirrorEndpoint(url, parseReference('nginx'));
    expect(refused).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }));
    expect(() => createMirrorRoutes([{ match: '**', endpoints: [url] }])).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
    );
    if (/[@?#]/.test(url)) expect(refused).not.toThrow(secret);
  });
});

describe('several credentials for one registry, and a document that is none', () => {
  const html = {
    kind: 'status',
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: '<html></html>',
  } as const;
  const tried = (events: readonly PullEvent[]): readonly string[] =>
    events.flatMap((event) => (event.type === 'credential' ? [`${event.rank} ${event.outcome}`] : []));

  /** A registry, and a keyring with two credentials for it. */
  async function startWithTwo(): Promise<{ readonly registry: LoopbackRegistry; readonly keyring: Keyring }> {
    const registry = await startRegistry({});
    registry.push('team/app', '1', imageOf('same'));
    const entries = [`${registry.host}/team`, registry.host].map((at) =>
      entryFor(at, canary('password', [registry.origin])),
    );
    return { registry, keyring: createKeyring(entries) };
  }

  it('tries the last credential, too, after a login page in place of the manifest', async () => {
    const { registry, keyring } = await startWithTwo();
    registry.fault({ path: /\/manifests\//, times: 1, action: html });
    const { events } = await pull(`${registry.host}/team/app:1`, { keyring, plainHttp: [registry.host] });
    expect(tried(events)).toEqual(['1 trying', '1 rejected', '2 trying', '2 accepted']);
  });

  it('shows the registry no other credential once it has given a manifest out', async () => {
    const { registry, keyring } = await startWithTwo();
    const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' };
    registry.fault({ path: /\/manifests\//, times: 1, action: { kind: 'status', status: 200, headers, body: '[]' } });
    await using runtime = createNodeRuntime({ platform: amd64 });
    const events: PullEvent[] = [];
    const store = createMemoryStore({ createHasher: nodeHasher });
    const options = { runtime, store, keyring, plainHttp: [registry.host] };
    const pulled = (async () => {
      for await (const event of pullImageEvents(`${registry.host}/team/app:1`, options)) events.push(event);
    })();
    await expect(pulled).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
    expect(tried(events)).toEqual(['1 trying', '1 accepted']);
  });
});
