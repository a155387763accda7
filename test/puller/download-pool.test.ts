import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Transport } from 'kubepull/distribution';
import { PullFailedError } from 'kubepull/errors';
import { createKeyring } from 'kubepull/keyring';
import { nodeHasher } from 'kubepull/node';
import { createDownloadPool, type DownloadPool, type PullEvent } from 'kubepull/puller';
import { buildImage, createFakeClock } from 'kubepull/testing';
import { countFor } from '../support/figures.ts';
import { canary } from '../support/canary.ts';
import { assertInvariants } from '../support/invariants.ts';
import { createMemoryTransport } from '../support/memory-transport.ts';
import { runsOf } from '../support/property-runs.ts';
import { startRegistry } from '../support/registry.ts';
import { amd64, openStore, startRuntime, startScene, CARRIED_STORES, tryPull } from './downloads-support.ts';
import { entryFor } from './mirrors-support.ts';

/** A runtime whose blobs wait until they are let go. */
function gatedRuntime(isGated: (url: string) => boolean = (url) => url.includes('/blobs/')) {
  const runtime = startRuntime();
  let [now, most] = [0, 0];
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => void (open = resolve));
  const transport: Transport = async (request) => {
    if (request.method !== 'GET' || !isGated(request.url)) return runtime.transport(request);
    now += 1;
    most = Math.max(most, now);
    try {
      await gate;
      return await runtime.transport(request);
    } finally {
      now -= 1;
    }
  };
  return { runtime: { ...runtime, transport }, open, now: () => now, most: () => most };
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !holds() && performance.now() < end;) await turns();
  expect(holds()).toBe(true);
}

const gets = (registry: { requests: readonly { method: string; url: string }[] }, digest: string): number =>
  registry.requests.filter(({ method, url }) => method === 'GET' && url.includes(`/blobs/${digest}`)).length;

const phases = (events: readonly PullEvent[], digest: string): readonly string[] => [
  ...new Set(
    events.flatMap((event) => (event.type === 'blob' && event.descriptor.digest === digest ? [event.phase] : [])),
  ),
];

describe('createDownloadPool', () => {
  it.each([1, 2, 4])('lets no more than %d downloads of all pulls run at once', async (maxParallelDownloads) => {
    const registry = await startRegistry();
    const names = ['a', 'b', 'c'].map((app) => {
      const layers = [0, 1, 2].map((at) => ({ randomBytes: 1000, seed: `${app}${at}` }));
      registry.push(app, '1', buildImage({ platform: amd64, layers, config: { Labels: { app } } }));
      return `${registry.host}/${app}:1`;
    });
    const downloads = createDownloadPool({ maxParallelDownloads });
    const { runtime, open, now, most } = gatedRuntime();
    const stores = await Promise.all(names.map(() => openStore('memory')));
    const pulls = names.map((name, at) => tryPull(name, { runtime, downloads, store: stores[at] as never }));
    await until(() => now() === Math.min(maxParallelDownloads, 3));
    await turns();
    expect([downloads.active, downloads.maxParallelDownloads]).toEqual([
      Math.min(maxParallelDownloads, 3),
      maxParallelDownloads,
    ]);
    expect(downloads.waiting).toBe(3 - Math.min(maxParallelDownloads, 3));
    open();
    expect((await Promise.all(pulls)).map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
    expect(most()).toBeLessThanOrEqual(maxParallelDownloads);
    expect([downloads.active, downloads.waiting]).toEqual([0, 0]);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (maxParallelDownloads) => {
    expect(() => createDownloadPool({ maxParallelDownloads })).toThrowError(
      expect.objectContaining({
        code: 'ERR_OPTION_INVALID',
        message: expect.stringMatching(/^Cannot make a download pool: maxParallelDownloads must be /) as string,
      }),
    );
  });

  it('is the only one that can make a pool', async () => {
    const downloads: DownloadPool = { maxParallelDownloads: 1, active: 0, waiting: 0 };
    const { error } = await tryPull('r.example/app', { downloads, store: await openStore('memory') });
    expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });

  it.each(CARRIED_STORES)(
    'downloads what several pulls need for the %s store once, and tells each of them',
    async (kind) => {
      const scene = await startScene();
      const downloads = createDownloadPool();
      const { runtime, open, now } = gatedRuntime();
      const store = await openStore(kind);
      const pulls = Array.from({ length: 4 }, () => tryPull(scene.name, { runtime, downloads, store }));
      await until(() => now() === 1);
      await turns();
      open();
      const outcomes = await Promise.all(pulls);
      expect(outcomes.map(({ error }) => error)).toEqual(Array(4).fill(undefined));
      expect(gets(scene.registry, scene.layer.digest)).toBe(1);
      // Whoever was given the manifest by the same repository need not ask whether it has the blob.
      expect(scene.registry.requests.filter(({ method }) => method === 'HEAD')).toEqual([]);
      for (const { events } of outcomes) expect(phases(events, scene.layer.digest)).toContain('verified');
      await assertInvariants({ stores: [{ store, names: [scene.name] }] });
    },
  );

  it('downloads for each store', async () => {
    const scene = await startScene();
    const downloads = createDownloadPool();
    const runtime = startRuntime();
    const stores = [await openStore('memory'), await openStore('memory')] as const;
    await Promise.all(stores.map((store) => tryPull(scene.name, { runtime, downloads, store })));
    expect(await Promise.all(stores.map((store) => store.has(scene.layer)))).toEqual([true, true]);
    expect(gets(scene.registry, scene.layer.digest)).toBe(2);
  });

  it('goes on with a pull when the one that it follows is cancelled', async () => {
    const scene = await startScene();
    const downloads = createDownloadPool();
    const { runtime, open, now } = gatedRuntime((url) => url.includes(scene.layer.digest));
    const store = await openStore('memory');
    const controller = new AbortController();
    const first = tryPull(scene.name, { runtime, downloads, store, signal: controller.signal });
    await until(() => now() === 1);
    const second = tryPull(scene.name, { runtime, downloads, store });
    await turns();
    expect(now()).toBe(1);
    controller.abort('enough');
    open();
    expect((await first).error).toBe('enough');
    expect((await second).error).toBeUndefined();
    await assertInvariants({ stores: [{ store, names: [scene.name] }] });
  });

  it('lets one that follows leave, and the other go on [B14]', async () => {
    const scene = await startScene();
    const downloads = createDownloadPool();
    const { runtime, open, now } = gatedRuntime((url) => url.includes(scene.layer.digest));
    const store = await openStore('memory');
    const first = tryPull(scene.name, { runtime, downloads, store });
    await until(() => now() === 1);
    const controller = new AbortController();
    const second = tryPull(scene.name, { runtime, downloads, store, signal: controller.signal });
    await turns();
    controller.abort('enough');
    expect((await second).error).toBe('enough');
    open();
    expect((await first).error).toBeUndefined();
    expect(gets(scene.registry, scene.layer.digest)).toBe(1);
  });

  it('asks for what another repository is about to bring only whether it may have it', async () => {
    const scene = await startScene();
    const { registry, layer, image } = scene;
    registry.push('team/other', '1', image);
    const downloads = createDownloadPool();
    const { runtime, open, now } = gatedRuntime((url) => url.includes(layer.digest));
    const store = await openStore('memory');
    const first = tryPull(scene.name, { runtime, downloads, store });
    await until(() => now() === 1);
    const second = tryPull(`${registry.host}/team/other:1`, { runtime, downloads, store });
    await until(() =>
      registry.requests.some(({ method, url }) => method === 'HEAD' && url.includes('team/other/blobs')),
    );
    open();
    expect([(await first).error, (await second).error]).toEqual([undefined, undefined]);
    expect(gets(registry, layer.digest)).toBe(1);
  });

  it('tells the end of a download also to who comes when it is over', async () => {
    const scene = await startScene();
    const { registry, layer, image } = scene;
    registry.push('team/other', '1', image);
    const { runtime, open, now } = gatedRuntime((url) => url.includes(layer.digest));
    let asks = (): void => undefined;
    const asked = new Promise<void>((resolve) => void (asks = resolve));
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => void (answer = resolve));
    const transport: Transport = async (request) => {
      if (request.method === 'HEAD') {
        asks();
        await answered;
      }
      return runtime.transport(request);
    };
    const shared = {
      runtime: { ...runtime, transport },
      downloads: createDownloadPool(),
      store: await openStore('memory'),
    };
    const first = tryPull(scene.name, shared);
    await until(() => now() === 1);
    const second = tryPull(`${registry.host}/team/other:1`, shared);
    await asked;
    open();
    await first;
    answer();
    expect(phases((await second).events, layer.digest)).toEqual(['started', 'verified']);
    expect(gets(registry, layer.digest)).toBe(1);
  });
});

describe('equal downloads of two who may not have the same [A12]', () => {
  it('are not merged: who is refused the manifest gets nothing, whoever comes first [I2]', async () => {
    const [allowed, refused] = [canary('password'), canary('password')];
    const { contents, descriptor, manifest } = buildImage({ platform: amd64, layers: [{ files: { a: 'b' } }] });
    const bytes = new Map(contents.map((content) => [content.descriptor.digest as string, content.bytes]));
    const accepted = `Basic ${Buffer.from(`u:${allowed}`).toString('base64')}`;
    const server = createMemoryTransport(({ url, headers }) => {
      if (headers['authorization'] !== accepted)
        return { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
      const body = url.includes('/manifests/') ? descriptor.digest : url.slice(url.lastIndexOf('/') + 1);
      return { headers: { 'content-type': manifest.mediaType }, body: bytes.get(body) ?? '' };
    });
    const keyrings = [allowed, refused].map((password) => createKeyring([entryFor('r.example', password)]));
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (s) => {
        const transport: Transport = async (request) => {
          await s.schedule(Promise.resolve());
          return server.transport(request);
        };
        const shared = {
          runtime: { transport, createHasher: nodeHasher, platform: amd64, clock: createFakeClock() },
          store: await openStore('memory'),
          downloads: createDownloadPool(),
        };
        const pulls = keyrings.map((keyring) => tryPull('r.example/team/app:1', { ...shared, keyring }));
        const [a, b] = await s.waitFor(Promise.all(pulls));
        const given = b?.events.filter(({ type }) => type === 'blob' || type === 'manifest').length;
        const status = b?.error instanceof PullFailedError && b.error.message.includes('401');
        expect([a?.error, status, given].join()).toBe(',true,0');
      }),
      runsOf('images'),
    );
    countFor('laws of what runs at the same time, in any order');
  });

  it('are not merged: who names a blob of another repository is asked for its own right to it', async () => {
    const password = canary('password');
    const auth = { 'team/': { type: 'basic', accounts: [{ username: 'u', password }] } } as const;
    const scene = await startScene({ auth });
    const { registry, layer, image } = scene;
    const downloads = createDownloadPool();
    const { runtime, open, now } = gatedRuntime((url) => url.includes('team/app/blobs') && url.includes(layer.digest));
    const store = await openStore('memory');
    const keyring = createKeyring([entryFor(registry.host, password)]);
    const first = tryPull(scene.name, { runtime, downloads, store, keyring });
    await until(() => now() === 1);
    // Anybody can write a manifest that names the layer; the repository does not have the layer.
    registry.push('evil/app', '1', {
      ...image,
      contents: image.contents.filter(({ descriptor }) => descriptor.digest !== layer.digest),
    });
    registry.fault({ path: /evil\/app\/blobs\/sha256/, action: { kind: 'status', status: 404 } });
    const second = await tryPull(`${registry.host}/evil/app:1`, { runtime, downloads, store });
    expect(second.error).toMatchObject({ code: 'ERR_PULL_FAILED', attempts: [{ error: { status: 404 } }] });
    expect(phases(second.events, layer.digest)).not.toContain('verified');
    open();
    expect((await first).error).toBeUndefined();
  });
});
