import { describe, expect, it } from 'vitest';
import { createMirrorRoutes, createMirrorEndpoints, createUpstreamEndpoint } from 'kubepull/mirrors';
import { isImageError, PullFailedError } from 'kubepull/errors';
import type { FaultAction, LoopbackRegistry } from 'kubepull/testing';
import { startRegistry } from '../support/registry.ts';
import { endpointRows, imageOf, pull, through } from './mirrors-support.ts';

/** A mirror and an upstream that both have `team/app:1`. */
async function startPair(): Promise<{ mirror: LoopbackRegistry; upstream: LoopbackRegistry; image: string }> {
  const [mirror, upstream] = [await startRegistry({}), await startRegistry({})];
  for (const registry of [mirror, upstream]) registry.push('team/app', '1', imageOf('same'));
  return { mirror, upstream, image: `${upstream.host}/team/app:1` };
}

const manifests = (registry: LoopbackRegistry): readonly string[] =>
  registry.requests.filter(({ url }) => url.includes('/manifests/')).map(({ method, url }) => `${method} ${url}`);

const failure = (pulling: Promise<unknown>): Promise<unknown> =>
  pulling.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('pullImage with endpoints', () => {
  it('pulls all from the first, which is told whose image it is', async () => {
    const { mirror, upstream, image } = await startPair();
    const { pulled, events } = await pull(image, { endpoints: through([mirror]) });
    expect(pulled).toMatchObject({ name: image, endpoint: { origin: mirror.origin, upstream: false }, attempts: [] });
    expect(pulled.repoDigest).toBe(`${upstream.host}/team/app@${imageOf('same').descriptor.digest}`);
    expect(endpointRows(events)).toEqual([`pull ${mirror.origin} trying`, `pull ${mirror.origin} served`]);
    expect(upstream.requests).toEqual([]);
    expect(mirror.requests.length).toBeGreaterThan(2);
    expect(new Set(mirror.requests.map(({ namespace }) => namespace))).toEqual(new Set([upstream.host]));
  });

  it.each<[string, FaultAction]>([
    ['404', { kind: 'status', status: 404 }],
    ['401', { kind: 'status', status: 401 }],
    ['403', { kind: 'status', status: 403 }],
    ['429', { kind: 'status', status: 429, headers: { 'retry-after': '3600' } }],
    ['500', { kind: 'status', status: 500 }],
    ['503', { kind: 'status', status: 503 }],
    ['a login page', { kind: 'status', status: 200, headers: { 'content-type': 'text/html' }, body: '<html></html>' }],
    ['no JSON', { kind: 'body', body: 'not JSON' }],
    ['a redirect to a bad place', { kind: 'redirect', location: 'http://169.254.169.254/' }],
    ['a cut connection', { kind: 'rst', afterBytes: 0 }],
  ])('goes on to the registry when the mirror answers %s', async (_, action) => {
    const { mirror, upstream, image } = await startPair();
    mirror.fault({ path: /\/manifests\//, action });
    const { pulled, events } = await pull(image, { endpoints: through([mirror]) });
    expect(pulled.endpoint.origin).toBe(upstream.origin);
    expect(pulled.attempts).toMatchObject([{ endpoint: { origin: mirror.origin } }]);
    expect(endpointRows(events).slice(0, 3)).toEqual([
      `pull ${mirror.origin} trying`,
      `pull ${mirror.origin} failed`,
      `pull ${upstream.origin} trying`,
    ]);
    expect(manifests(upstream)).toEqual(['GET /v2/team/app/manifests/1']);
  });

  it('goes on when nobody listens at the mirror', async () => {
    const { mirror, upstream, image } = await startPair();
    await mirror.close();
    const { pulled } = await pull(image, { endpoints: through([mirror]) });
    expect(pulled.endpoint.origin).toBe(upstream.origin);
    expect(pulled.attempts).toMatchObject([{ error: { code: 'ERR_TRANSPORT' } }]);
  });

  it('does not wait for a mirror that is busy, and does wait for the last', async () => {
    const { mirror, upstream, image } = await startPair();
    const action = { kind: 'status', status: 429, headers: { 'retry-after': '30' } } as const;
    for (const registry of [mirror, upstream]) registry.fault({ path: /\/manifests\//, times: 1, action });
    const { pulled, slept } = await pull(image, { endpoints: through([mirror]) });
    expect(pulled.endpoint.origin).toBe(upstream.origin);
    // What else sleeps is the watch over a body that is read.
    expect(slept.filter((ms) => ms >= 30_000)).toHaveLength(1);
    expect(manifests(mirror)).toHaveLength(1);
    expect(manifests(upstream)).toHaveLength(2);
  });

  it('takes no other bytes for a digest from a mirror', async () => {
    const { mirror, upstream } = await startPair();
    const { digest } = imageOf('same').descriptor;
    mirror.fault({ path: /\/manifests\//, action: { kind: 'flip', offset: 3 } });
    const { pulled } = await pull(`${upstream.host}/team/app@${digest}`, { endpoints: through([mirror]) });
    expect(pulled.manifest.digest).toBe(digest);
    expect(pulled.endpoint.origin).toBe(upstream.origin);
    expect(pulled.attempts).toMatchObject([{ error: { code: 'ERR_CONTENT_MISMATCH' } }]);
  });

  it.each<[string, FaultAction]>([
    ['missing', { kind: 'status', status: 404 }],
    ['wrong', { kind: 'flip', offset: 1000 }],
  ])(
    'fetches a blob that is %s at the mirror elsewhere, for the digest that the mirror resolved',
    async (_, action) => {
      const { mirror, upstream, image } = await startPair();
      // The tag has moved on upstream; what the first endpoint said is what is pulled.
      upstream.push('team/app', '1', imageOf('newer'));
      const { descriptor, manifest } = imageOf('same');
      mirror.fault({ path: new RegExp(manifest.layers[1]?.digest ?? '-'), action });
      const { pulled } = await pull(image, { endpoints: through([mirror]) });
      expect(pulled.manifest.digest).toBe(descriptor.digest);
      expect(pulled.endpoint.origin).toBe(upstream.origin);
      expect(manifests(upstream)).toEqual([`GET /v2/team/app/manifests/${descriptor.digest}`]);
      const asked = upstream.requests.filter(({ url }) => url.includes('/blobs/')).map(({ url }) => url);
      expect(asked.join()).not.toContain(manifest.config.digest);
    },
  );

  it('asks a mirror that may not resolve for the digest that the registry gave', async () => {
    const { mirror, upstream, image } = await startPair();
    mirror.push('team/app', '1', imageOf('stale'));
    const { digest } = imageOf('same').descriptor;
    const { pulled, events } = await pull(image, { endpoints: through([mirror], { capabilities: ['pull'] }) });
    expect(pulled).toMatchObject({ manifest: { digest }, endpoint: { origin: mirror.origin } });
    expect(endpointRows(events)).toEqual([
      `resolve ${upstream.origin} trying`,
      `resolve ${upstream.origin} served`,
      `pull ${mirror.origin} trying`,
      `pull ${mirror.origin} served`,
    ]);
    expect(manifests(upstream)).toEqual(['HEAD /v2/team/app/manifests/1']);
    expect(manifests(mirror)).toEqual([`GET /v2/team/app/manifests/${digest}?ns=${encodeURIComponent(upstream.host)}`]);
  });

  it('asks a mirror that may only resolve for nothing else', async () => {
    const { mirror, upstream, image } = await startPair();
    upstream.push('team/app', '1', imageOf('newer'));
    const { pulled } = await pull(image, { endpoints: through([mirror], { capabilities: ['resolve'] }) });
    expect(pulled.manifest.digest).toBe(imageOf('same').descriptor.digest);
    expect(pulled.endpoint.origin).toBe(upstream.origin);
    expect(mirror.requests.map(({ method }) => method)).toEqual(['HEAD']);
  });

  it('does not ask the registry at all when it is not in the list', async () => {
    const { mirror, upstream, image } = await startPair();
    mirror.fault({ path: /\/manifests\//, action: { kind: 'status', status: 404 } });
    const endpoints = createMirrorEndpoints(
      createMirrorRoutes([{ match: '**', endpoints: [mirror.origin], upstream: false }]),
    );
    const error = await failure(pull(image, { endpoints }));
    expect(error).toBeInstanceOf(PullFailedError);
    expect((error as PullFailedError).attempts).toMatchObject([
      { endpoint: { origin: mirror.origin }, error: { status: 404 } },
    ]);
    expect(upstream.requests).toEqual([]);
  });

  it('tells all failures when every endpoint failed', async () => {
    const { mirror, upstream, image } = await startPair();
    for (const [registry, status] of [
      [mirror, 404],
      [upstream, 403],
    ] as const)
      registry.fault({ action: { kind: 'status', status } });
    const error = await failure(pull(image, { endpoints: through([mirror]) }));
    expect(error).toBeInstanceOf(PullFailedError);
    const { attempts, message } = error as PullFailedError;
    expect(attempts.map(({ endpoint: { origin } }) => origin)).toEqual([mirror.origin, upstream.origin]);
    expect(message).toContain('404');
    expect(message).toContain('403');
  });

  it('asks the registry alone when the list is empty', async () => {
    const { upstream, image } = await startPair();
    const { pulled } = await pull(image, { endpoints: async () => [], plainHttp: [upstream.host] });
    expect(pulled.endpoint).toMatchObject({ origin: upstream.origin, upstream: true, namespace: undefined });
  });

  it('goes no further once the pull is aborted', async () => {
    const { mirror, upstream, image } = await startPair();
    const controller = new AbortController();
    const reason = new Error('enough');
    mirror.fault({ path: /\/manifests\//, action: { kind: 'stall', afterBytes: 10 } });
    const pulling = failure(pull(image, { endpoints: through([mirror]), signal: controller.signal }));
    await expect.poll(() => mirror.requests.length, { timeout: 10_000 }).toBeGreaterThan(0);
    controller.abort(reason);
    expect(await pulling).toBe(reason);
    expect(upstream.requests).toEqual([]);
  });

  it.each(['endpoints', 'keyring'])('ends at once when it is aborted and the %s never answer [B14]', async (what) => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const never = (): Promise<never> => {
      setImmediate(() => controller.abort(reason));
      return new Promise(() => undefined);
    };
    const options = what === 'endpoints' ? { endpoints: never } : { keyring: { lookup: never } };
    expect(await failure(pull('r.example/app', { ...options, signal: controller.signal }))).toBe(reason);
  });

  it('passes on what the function of endpoints throws', async () => {
    const error = new Error('blocked');
    expect(await failure(pull('app', { endpoints: () => Promise.reject(error) }))).toBe(error);
  });

  it.each([
    ['an API path that is none', { apiPath: '/v2?x=' }],
    ['an API path that leads elsewhere', { apiPath: '/v2/../x' }],
    ['a repository that is none', { repository: 'a//b' }],
    ['a repository that leads elsewhere', { repository: '../b' }],
    ['A18 user info', { origin: 'https://u:example@m.test' }],
    ['A18 an escaped host before another', { origin: 'https://127.0.0.1%2f@m.test' }],
    ['an origin with a path', { origin: 'http://127.0.0.1:1/x' }],
    ['a scheme of its own', { origin: 'file://x' }],
    ['nothing that it may be asked for', { capabilities: [] }],
  ])('refuses an endpoint with %s', async (_, change) => {
    const endpoints = (ref: Parameters<typeof createUpstreamEndpoint>[0]) => [
      { ...createUpstreamEndpoint(ref), ...change },
    ];
    const error = await failure(pull('app', { endpoints }));
    expect(isImageError(error) && error.code).toBe('ERR_OPTION_INVALID');
  });
});
