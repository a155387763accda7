import { describe, expect, it } from 'vitest';
import { systemClock } from 'kubepull/clock';
import { computeDigest } from 'kubepull/digest';
import type { Transport } from 'kubepull/distribution';
import { nodeHasher } from 'kubepull/node';
import { type BlobFailure, PullFailedError, RequestRefusedError } from 'kubepull/errors';
import type { Descriptor } from 'kubepull/oci';
import { pullImage } from 'kubepull/puller';
import { createMemoryStore, type ImageStore } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { assertInvariants, countingSignal } from '../support/invariants.ts';
import { createMemoryTransport } from '../support/memory-transport.ts';
import { startRegistry } from '../support/registry.ts';
import { amd64, openStore, startRuntime, CARRIED_STORES, tryPull } from './downloads-support.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** An image of four layers of a gibibyte each, of which no byte exists. */
function hugeImage() {
  const { manifest, contents } = buildImage({ platform: amd64, layers: [{ files: { a: 'b' } }] });
  const [sample] = manifest.layers;
  if (sample === undefined) throw new Error('No layer');
  const layers: Descriptor[] = Array.from({ length: 4 }, (_, at) => ({
    ...sample,
    size: GIB,
    digest: computeDigest(new Uint8Array([at]), nodeHasher),
  }));
  const document = new TextEncoder().encode(JSON.stringify({ ...manifest, layers }));
  const config = contents.find(({ descriptor }) => descriptor.digest === manifest.config.digest)?.bytes;
  return { layers, manifest, document, config: config ?? new Uint8Array() };
}

describe('a fast registry and a slow store [B13]', () => {
  it('keep less than 1 MiB of each layer on the way, and no more in memory', async () => {
    const { layers, manifest, document, config } = hugeImage();
    const sent = new Map<string, number>();
    const taken = new Map<string, number>();
    let most = 0;
    const chunk = new Uint8Array(256 * 1024);
    const stream = async function* (digest: string): AsyncGenerator<Uint8Array> {
      for (let bytes = 0; bytes < GIB; bytes += chunk.length) {
        sent.set(digest, bytes + chunk.length);
        most = Math.max(most, bytes + chunk.length - (taken.get(digest) ?? 0));
        yield chunk;
      }
    };
    const server = createMemoryTransport(({ url }) => {
      const digest = url.slice(url.lastIndexOf('/') + 1);
      if (url.includes('/manifests/')) return { body: document, headers: { 'content-type': manifest.mediaType } };
      return { body: digest === manifest.config.digest ? config : stream(digest) };
    });
    const real = createMemoryStore({ createHasher: nodeHasher });
    const store: ImageStore = {
      ...real,
      async ingest(blob, options) {
        if (blob.size < GIB) return real.ingest(blob, options);
        let offset = 0;
        return {
          get offset() {
            return offset;
          },
          async write({ length }) {
            // Now and then it takes its time, as a disk does.
            if (offset % (64 * MIB) === 0) await systemClock.sleep(1);
            offset += length;
            taken.set(blob.digest, offset);
          },
          restart: async () => undefined,
          commit: async () => undefined,
          abort: async () => undefined,
        };
      },
      tag: async () => undefined,
    };
    const runtime = { transport: server.transport, createHasher: nodeHasher, platform: amd64 };
    const before = process.memoryUsage().rss;
    let peak = before;
    const sampling = setInterval(() => void (peak = Math.max(peak, process.memoryUsage().rss)), 20);
    await pullImage('r.example/huge:1', { runtime, store, maxParallelDownloads: 4 });
    clearInterval(sampling);
    expect(layers.map(({ digest }) => sent.get(digest))).toEqual([GIB, GIB, GIB, GIB]);
    expect(peak - before).toBeLessThan(64 * MIB);
    expect(most).toBeLessThanOrEqual(MIB);
    expect(server.open()).toBe(0);
  });
});

describe.each(CARRIED_STORES)('one layer among five that fails, with the %s store [B15]', (kind) => {
  const image = buildImage({
    platform: amd64,
    layers: Array.from({ length: 5 }, (_, at) => ({ randomBytes: 50_000, seed: `b15-${at}` })),
  });

  it.each([0, 1, 2, 3, 4])('at place %d: the others are cancelled, and no name is written', async (place) => {
    const registry = await startRegistry();
    registry.push('app', '1', image);
    const failing = image.manifest.layers[place];
    for (const { digest } of image.manifest.layers) {
      const action =
        digest === failing?.digest
          ? ({ kind: 'status', status: 404 } as const)
          : ({ kind: 'stall', afterBytes: 1000 } as const);
      registry.fault({ path: new RegExp(`/blobs/${digest}`), action });
    }
    const store = await openStore(kind);
    const name = `${registry.host}/app:1`;
    const watched = countingSignal();
    const { error, events } = await tryPull(name, { store, signal: watched.signal, maxParallelDownloads: 5 });
    const failures = [{ descriptor: failing, error: { status: 404 } }];
    expect(error).toMatchObject({ code: 'ERR_PULL_FAILED', attempts: [{ blobs: failures }] });
    expect(events.filter(({ type }) => type === 'blob-failed')).toMatchObject(failures);
    expect(await store.resolve(name)).toBeUndefined();
    await assertInvariants({
      stores: [{ store, contents: [...image.manifest.layers] }],
      signals: [watched],
    });
  });

  it('says of each blob what is wrong with it when several fail at once', async () => {
    const registry = await startRegistry();
    registry.push('app', '1', image);
    const failing = image.manifest.layers.slice(0, 3);
    const runtime = startRuntime();
    let arrived = 0;
    let release: () => void = () => undefined;
    const together = new Promise<void>((resolve) => void (release = resolve));
    const transport: Transport = async (request) => {
      const blob = failing.find(({ digest }) => request.url.endsWith(digest));
      if (blob === undefined) return runtime.transport(request);
      arrived += 1;
      if (arrived === failing.length) release();
      await together;
      throw new RequestRefusedError(`Cannot GET ${blob.digest}: refused`, { url: request.url, rule: 'test' });
    };
    const { error, events } = await tryPull(`${registry.host}/app:1`, {
      runtime: { ...runtime, transport },
      store: await openStore(kind),
    });
    // They end in no certain order.
    const byDigest = (list: readonly BlobFailure[]): readonly BlobFailure[] =>
      list.toSorted((a, b) => a.descriptor.digest.localeCompare(b.descriptor.digest));
    const failures = failing
      .toSorted((a, b) => a.digest.localeCompare(b.digest))
      .map((descriptor) => ({ descriptor, error: { code: 'ERR_REQUEST_REFUSED' } }));
    if (!(error instanceof PullFailedError)) throw new Error('The pull did not fail');
    expect(byDigest(error.attempts[0]?.blobs ?? [])).toMatchObject(failures);
    const told = events.flatMap((event) => (event.type === 'blob-failed' ? [event] : []));
    expect(byDigest(told)).toMatchObject(failures);
  });
});
