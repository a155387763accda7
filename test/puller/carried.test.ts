import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from 'kubepull/clock';
import type { BlobCarrier } from 'kubepull/distribution';
import { createCredential } from 'kubepull/docker-config';
import { openOciLayout } from 'kubepull/node';
import type { PullEvent, PullRuntime } from 'kubepull/puller';
import type { ImageStore } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { assertInvariants, startWatch } from '../support/invariants.ts';
import { startRegistry } from '../support/registry.ts';
import { serve } from '../support/servers.ts';
import { tempDir } from '../support/temp-dir.ts';
import { amd64, openStore, retryOffsets, startRuntime, startScene, tryPull } from './downloads-support.ts';

/** A runtime whose carrier counts what it is given. */
function countCarried(more: (carrier: BlobCarrier) => Partial<BlobCarrier> = () => ({})): {
  readonly runtime: PullRuntime;
  readonly carried: string[];
} {
  const runtime = startRuntime(0);
  const { carrier } = runtime;
  if (carrier === undefined) throw new Error('No carrier');
  const carried: string[] = [];
  const send: BlobCarrier['send'] = (request) => {
    carried.push(new URL(request.url).pathname.split('/').at(-1) ?? '');
    return carrier.send(request);
  };
  return { runtime: { ...runtime, carrier: { ...carrier, send, ...more(carrier) } }, carried };
}

const openLayout = async (): Promise<ImageStore> => openOciLayout(join(tempDir().path, 'layout'));

describe('the carrier of a runtime', () => {
  it('brings the layers, and not the config, of what lacks enough', async () => {
    const scene = await startScene();
    const { runtime, carried } = countCarried(() => ({ minBytes: scene.layer.size }));
    const store = await openLayout();
    expect((await tryPull(scene.name, { runtime, store })).error).toBeUndefined();
    expect(carried).toEqual([scene.layer.digest]);
    await assertInvariants({ stores: [{ store, names: [scene.name] }] });
  });

  it('is left alone for what lacks less, also where the rest is there already', async () => {
    const registry = await startRegistry();
    const layers = [1, 2, 3].map((at) => ({ randomBytes: 20_000, seed: `c-${at}`, compression: 'none' as const }));
    const image = buildImage({ platform: amd64, layers });
    registry.push('app', '1', image);
    const sum = image.manifest.layers.reduce((bytes, { size }) => bytes + size, 0);
    const name = `${registry.host}/app:1`;
    const few = countCarried(() => ({ minBytes: sum + 1 }));
    const store = await openLayout();
    await tryPull(name, { runtime: few.runtime, store: await openLayout() });
    const [first] = image.manifest.layers;
    if (first === undefined) throw new Error('No layer');
    const writer = await store.ingest(first);
    await writer.write(image.blobs.get(first.digest) ?? new Uint8Array());
    await writer.commit();
    const rest = countCarried(() => ({ minBytes: sum - first.size + 1 }));
    expect((await tryPull(name, { runtime: rest.runtime, store })).error).toBeUndefined();
    expect([few.carried, rest.carried]).toEqual([[], []]);
  });

  it('is left alone where the transport is another, which would not see its requests', async () => {
    const scene = await startScene();
    const { runtime, carried } = countCarried();
    const transport: PullRuntime['transport'] = (request) => runtime.transport(request);
    const { error } = await tryPull(scene.name, { runtime: { ...runtime, transport }, store: await openLayout() });
    expect([error, carried]).toEqual([undefined, []]);
  });

  it('is left alone for a store that wants to see the bytes', async () => {
    const scene = await startScene();
    const { runtime, carried } = countCarried();
    const { error } = await tryPull(scene.name, { runtime, store: await openStore('memory') });
    expect([error, carried]).toEqual([undefined, []]);
  });

  it('may leave a request to the transport in the middle of a blob', async () => {
    const scene = await startScene();
    scene.registry.fault({ path: scene.path, times: 1, action: { kind: 'cut', afterBytes: 100_000 } });
    let asked = 0;
    const { runtime } = countCarried((carrier) => ({
      send: (request) => ((asked += 1) === 1 ? carrier.send(request) : carrier.transport(request)),
    }));
    const store = await openLayout();
    expect((await tryPull(scene.name, { runtime, store })).error).toBeUndefined();
    expect([asked, scene.ranges()]).toEqual([2, [undefined, 'bytes=100000-']]);
    await assertInvariants({ stores: [{ store, names: [scene.name] }] });
  });
});

describe('what a carrier brings', () => {
  const progressIn = (events: readonly PullEvent[], digest: string) =>
    events.flatMap((event) =>
      event.type === 'blob' && event.descriptor.digest === digest && event.phase === 'progress' ? [event.bytes] : [],
    );

  it('is told as it comes, up to all of it', async () => {
    const scene = await startScene();
    const { runtime, carried } = countCarried();
    const { error, events } = await tryPull(scene.name, { runtime, store: await openLayout() });
    expect([error, carried, retryOffsets(events)]).toEqual([undefined, [scene.layer.digest], []]);
    expect(progressIn(events, scene.layer.digest).at(-1)).toBe(scene.layer.size);
  });

  it('goes on where a cut came, and starts over when the registry sends all of it', async () => {
    for (const action of [undefined, { kind: 'range-lie', lie: 'full' }] as const) {
      const scene = await startScene();
      scene.registry.fault({ path: scene.path, times: 1, action: { kind: 'cut', afterBytes: 100_000 } });
      if (action !== undefined) scene.registry.fault({ path: scene.path, nth: 2, times: 1, action });
      const { runtime, carried } = countCarried();
      const store = await openLayout();
      const { error } = await tryPull(scene.name, { runtime, store });
      const { digest } = scene.layer;
      expect([error, carried]).toEqual([undefined, [digest, digest]]);
      expect(scene.ranges()).toEqual([undefined, 'bytes=100000-']);
      await assertInvariants({ stores: [{ store, names: [scene.name] }] });
    }
  });

  it('is waited for six hours and no longer [B06]', async () => {
    const scene = await startScene();
    let now = 0;
    const { runtime } = countCarried((carrier) => ({
      async send(request) {
        const response = await carrier.send(request);
        const { bring } = response;
        if (bring === undefined) return response;
        return {
          ...response,
          bring: (file, onProgress) =>
            bring(file, (size) => {
              now += 7 * 3_600_000;
              onProgress(size);
            }),
        };
      },
    }));
    const clock = { ...systemClock, monotonic: () => now, sleep: async () => undefined };
    const { error } = await tryPull(scene.name, { runtime: { ...runtime, clock }, store: await openLayout() });
    const message = expect.stringMatching(/time was up after \d+ of \d+ bytes/) as string;
    expect(error).toMatchObject({ attempts: [{ error: { code: 'ERR_TRANSPORT', message, retryable: false } }] });
  });
});

describe.each([0, 2])('a pull with %d workers', (workers) => {
  it('shows no credential to whom a registry redirects to [A01]', async () => {
    const [password, token] = [canary('password'), canary('signed-query')];
    const scene = await startScene({ auth: { 'team/': { type: 'basic', accounts: [{ username: 'u', password }] } } });
    const seen: (string | undefined)[] = [];
    const { origin } = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end(scene.image.blobs.get(scene.layer.digest));
    });
    scene.registry.fault({ path: scene.path, action: { kind: 'redirect', location: `${origin}/x?sig=${token}` } });
    const runtime = startRuntime(workers);
    const store = await openLayout();
    const { error } = await tryPull(scene.name, {
      runtime,
      store,
      credential: createCredential({ username: 'u', password }),
    });
    expect([error, seen]).toEqual([undefined, [undefined]]);
  });

  it('refuses a redirect from a public registry into the network [A06]', async () => {
    const scene = await startScene();
    scene.registry.fault({
      path: scene.path,
      action: { kind: 'redirect', location: 'http://169.254.169.254/latest/meta-data' },
    });
    const { error } = await tryPull(scene.name, { runtime: startRuntime(workers), store: await openLayout() });
    expect(error).toMatchObject({ attempts: [{ error: { code: 'ERR_REQUEST_REFUSED', rule: 'metadata-address' } }] });
  });

  it('leaves nothing open behind [I5]', async () => {
    const scene = await startScene({ bytes: 2_000_000 });
    const watch = startWatch();
    const runtime = startRuntime(workers);
    const store = await openOciLayout(join(tempDir().path, 'layout'));
    expect((await tryPull(scene.name, { runtime, store })).error).toBeUndefined();
    await assertInvariants({ closeables: [runtime, store], registries: [scene.registry], watch });
  });
});
