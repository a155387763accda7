import { listBlobFailures } from 'kubepull/errors';
import { describe, expect, it } from 'vitest';
import { systemClock } from 'kubepull/clock';
import { createDownloadPool, type LayerRanges } from 'kubepull/puller';
import type { ContentWriter, ImageStore } from 'kubepull/store';
import type { RangeLie } from 'kubepull/testing';
import { assertInvariants, startWatch } from '../support/invariants.ts';
import { openStore, retryOffsets, startRuntime, startScene, STORES, tryPull } from './downloads-support.ts';
import { cutAfter, partial, progressOf, RANGES, startRangeServer } from './ranges-support.ts';

/** The ranges of a layer of 10,000 bytes. */
const TEN = Array.from({ length: 10 }, (_, at) => (at < 9 ? `bytes=${at * 1000}-${at * 1000 + 999}` : 'bytes=9000-'));

describe('layerRanges', () => {
  it.each(STORES)('brings a large layer into the %s store, range by range and in order', async (kind) => {
    const server = startRangeServer([10_000]);
    const [layer] = server.layers;
    const store = await openStore(kind);
    const { error, events } = await tryPull(server.name, { ...server, store, layerRanges: RANGES });
    expect(error).toBeUndefined();
    expect(new Set(server.ranges())).toEqual(new Set(TEN));
    expect(server.ranges()).toHaveLength(TEN.length);
    const progress = layer === undefined ? [] : progressOf(events, layer);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect([progress.at(-1), progress.filter((bytes) => bytes % 1000 > 0)]).toEqual([10_000, []]);
    expect(server.open()).toBe(0);
    await assertInvariants({ stores: [{ store, names: [server.name] }] });
  });

  it.each([
    ['absent', undefined],
    ['of one range at once', { ...RANGES, parallel: 1 }],
    ['for larger layers', { ...RANGES, minBytes: 10_001 }],
    ['without a size', { parallel: 4 }],
  ])('asks for one stream when the option is %s', async (_, layerRanges: LayerRanges | undefined) => {
    const server = startRangeServer([10_000]);
    const { error } = await tryPull(server.name, { ...server, store: await openStore('memory'), layerRanges });
    expect([error, server.ranges()]).toEqual([undefined, [undefined]]);
  });

  it('takes 16 MiB for large, and a mebibyte for a range, when nothing is said', async () => {
    const size = 16 * 1024 * 1024;
    const server = startRangeServer([size]);
    const options = { ...server, store: await openStore('memory'), layerRanges: { parallel: 4 } };
    expect((await tryPull(server.name, options)).error).toBeUndefined();
    expect(server.ranges()).toHaveLength(16);
    expect(server.ranges()[0]).toBe('bytes=0-1048575');
    const smaller = startRangeServer([size - 1]);
    expect((await tryPull(smaller.name, { ...options, ...smaller })).error).toBeUndefined();
    expect(smaller.ranges()).toEqual([undefined]);
  });

  it.each(['parallel', 'minBytes', 'rangeBytes'])('refuses a %s that is no number from 1', async (key) => {
    const server = startRangeServer([10]);
    for (const value of [0, -1, 1.5, Number.NaN, Infinity]) {
      const layerRanges = { ...RANGES, [key]: value };
      const { error } = await tryPull(server.name, { ...server, store: await openStore('memory'), layerRanges });
      expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID' });
    }
    expect(server.requests).toEqual([]);
  });

  it('goes on from a part of an earlier pull', async () => {
    const server = startRangeServer([10_000]);
    const [layer] = server.layers;
    const store = await openStore('layout');
    if (layer === undefined) throw new Error('No layer');
    const writer = await store.ingest(layer);
    await writer.write((server.contents.get(layer.digest) ?? new Uint8Array()).slice(0, 2500));
    await writer.abort();
    const { error } = await tryPull(server.name, { ...server, store, layerRanges: RANGES });
    expect(error).toBeUndefined();
    const [first = ''] = server.ranges();
    const start = Number(/=(\d+)-/.exec(first)?.[1]);
    expect(first).toBe(`bytes=${start}-${start + 999}`);
    await assertInvariants({ stores: [{ store, names: [server.name] }] });
  });
});

describe('layerRanges and memory', () => {
  it('keeps no more than the window while the store is slow [B13]', async () => {
    const server = startRangeServer([40_000]);
    const memory = await openStore('memory');
    let [taken, most] = [0, 0];
    const slow = (writer: ContentWriter): ContentWriter => ({
      get offset() {
        return writer.offset;
      },
      async write(chunk, options) {
        // Long enough for all to be fetched that would be.
        for (let turn = 0; turn < 20; turn += 1) await systemClock.sleep(0);
        most = Math.max(most, server.ranges().length * 1000 - taken);
        await writer.write(chunk, options);
        taken += chunk.length;
      },
      restart: () => writer.restart(),
      commit: () => writer.commit(),
      abort: () => writer.abort(),
    });
    const store: ImageStore = {
      ...memory,
      ingest: async (blob, options) => {
        const writer = await memory.ingest(blob, options);
        return blob.size === 40_000 ? slow(writer) : writer;
      },
    };
    const { error } = await tryPull(server.name, { ...server, store, layerRanges: RANGES });
    expect(error).toBeUndefined();
    expect(taken).toBe(40_000);
    expect(most).toBe(4000);
  });
});

describe('layerRanges and the shared pool', () => {
  const load = async (maxParallelDownloads: number, sizes: readonly number[]) => {
    const downloads = createDownloadPool({ maxParallelDownloads });
    let [most, open] = [0, 0];
    const server = startRangeServer(sizes, (_, reply) => {
      const body = async function* () {
        most = Math.max(most, (open += 1));
        await systemClock.sleep(1);
        open -= 1;
        yield reply.body as Uint8Array;
      };
      return { ...reply, body: body() };
    });
    const store = await openStore('memory');
    const { error } = await tryPull(server.name, { ...server, store, layerRanges: RANGES, downloads });
    expect([error, downloads.active, downloads.waiting]).toEqual([undefined, 0, 0]);
    await assertInvariants({ stores: [{ store, names: [server.name] }] });
    return { most, ranges: server.ranges() };
  };

  it('has as many requests at once as the window when nobody else wants a place', async () => {
    expect((await load(10, [20_000])).most).toBe(4);
  });

  it('never has more requests at once than the pool has places', async () => {
    expect((await load(3, [20_000])).most).toBe(3);
    expect((await load(4, [20_000, 20_000, 20_000])).most).toBe(4);
  });

  it('asks for one stream when every place is taken', async () => {
    expect((await load(1, [20_000])).ranges).toEqual([undefined]);
    const { ranges } = await load(3, [20_000, 20_000, 20_000]);
    expect(ranges.filter((range) => range === undefined).length).toBeGreaterThanOrEqual(1);
  });
});

describe('layerRanges and a registry that is wrong about ranges [B03]', () => {
  const LIES: readonly RangeLie[] = ['start', 'end', 'total', 'shift', 'full', 'multipart', 'unasked'];

  it.each(LIES.flatMap((lie) => [1, 2, 5].map((nth) => [lie, nth] as const)))(
    'takes no wrong byte of a range that lies (%s) from request %d on',
    async (lie, nth) => {
      const scene = await startScene({ bytes: 30_000 });
      scene.registry.fault({ path: scene.path, nth, action: { kind: 'range-lie', lie } });
      const store = await openStore('memory');
      const layerRanges = { ...RANGES, rangeBytes: 5000 };
      const { error } = await tryPull(scene.name, { store, layerRanges });
      // Who lies also about no range at all cannot be pulled from.
      if (lie === 'unasked' || error !== undefined) expect(lie).toBe('unasked');
      else await assertInvariants({ stores: [{ store, names: [scene.name] }] });
      expect(scene.ranges().length).toBeLessThanOrEqual(20);
    },
  );

  it('takes all of the layer from one answer when the registry knows no ranges', async () => {
    const server = startRangeServer([10_000], ({ bytes }) => ({ body: bytes }));
    const { error } = await tryPull(server.name, { ...server, store: await openStore('memory'), layerRanges: RANGES });
    expect([error, server.ranges()]).toEqual([undefined, ['bytes=0-999']]);
    expect(server.open()).toBe(0);
  });

  it('goes on with one stream when the registry knows ranges no more', async () => {
    const server = startRangeServer([10_000], ({ nth, bytes }, reply) => (nth >= 5 ? { body: bytes } : reply));
    const store = await openStore('memory');
    const { error, events } = await tryPull(server.name, { ...server, store, layerRanges: RANGES });
    expect([error, retryOffsets(events)]).toEqual([undefined, []]);
    const last = server.ranges().at(-1);
    expect(last).toMatch(/^bytes=\d+-$/);
    expect(server.open()).toBe(0);
    await assertInvariants({ stores: [{ store, names: [server.name] }] });
  });

  it('listens to no byte behind a range, however many come', async () => {
    const server = startRangeServer([10_000], ({ start, end, bytes, header }) => {
      const body = async function* (): AsyncGenerator<Uint8Array> {
        yield Buffer.concat([bytes.subarray(start, end), new Uint8Array(7)]);
        for (;;) yield new Uint8Array(10);
      };
      return header === undefined || end === bytes.length
        ? partial(bytes, start, end)
        : { ...partial(bytes, start, end), body: body() };
    });
    const store = await openStore('memory');
    const { error, events } = await tryPull(server.name, { ...server, store, layerRanges: RANGES });
    expect([error, retryOffsets(events)]).toEqual([undefined, []]);
    expect(server.open()).toBe(0);
    await assertInvariants({ stores: [{ store, names: [server.name] }] });
  });

  it('takes no range out of an answer with all of the layer, though it be as long', async () => {
    const server = startRangeServer([10_000], ({ start, bytes, header }, reply) =>
      start >= 4000 && !header?.endsWith('-') ? { body: bytes.subarray(0, 1000) } : reply,
    );
    const store = await openStore('memory');
    const { error, events } = await tryPull(server.name, { ...server, store, layerRanges: RANGES });
    expect([error, retryOffsets(events)]).toEqual([undefined, []]);
    expect(server.ranges()).toContain('bytes=4000-');
    await assertInvariants({ stores: [{ store, names: [server.name] }] });
  });
});

describe('layerRanges and cuts [B09]', () => {
  it.each([...TEN.keys()])('resumes range %d by itself [B02]', async (place) => {
    const cut = new Set<number>();
    const server = startRangeServer([10_000], ({ start }, reply) => {
      if (start !== place * 1000 || cut.has(start)) return reply;
      cut.add(start);
      return cutAfter(reply, 300);
    });
    const store = await openStore('memory');
    const { error, events } = await tryPull(server.name, { ...server, store, layerRanges: RANGES });
    expect(error).toBeUndefined();
    expect(retryOffsets(events)).toEqual([place * 1000 + 300]);
    const resumed =
      place === 0 ? 'bytes=300-1299' : `bytes=${place * 1000 + 300}-${place === 9 ? '' : place * 1000 + 999}`;
    expect(server.ranges()).toContain(resumed);
    await assertInvariants({ stores: [{ store, names: [server.name] }] });
  });

  it.each(STORES)('resumes over the network what is cut and reset, with the %s store [B07]', async (kind) => {
    const scene = await startScene({ bytes: 60_000 });
    const at = (nth: number, action: { kind: 'cut' | 'rst'; afterBytes: number }): void =>
      void scene.registry.fault({ path: scene.path, nth, times: 1, action });
    [1, 3, 4, 8].forEach((nth) => at(nth, { kind: nth === 4 ? 'rst' : 'cut', afterBytes: 700 }));
    const store = await openStore(kind);
    const layerRanges = { ...RANGES, rangeBytes: 5000 };
    const runtime = startRuntime();
    const { error, events } = await tryPull(scene.name, { runtime, store, layerRanges });
    expect([error, retryOffsets(events).length]).toEqual([undefined, 4]);
    const stores = [{ store, names: [scene.name] }];
    await assertInvariants({ stores, closeables: [runtime], registries: [scene.registry] });
  });

  it('asks for a range five times when it brings nothing, and the pull has failed', async () => {
    const server = startRangeServer([10_000], ({ start }, reply) => (start === 4000 ? cutAfter(reply, 0) : reply));
    const store = await openStore('memory');
    const { error } = await tryPull(server.name, { ...server, store, layerRanges: RANGES });
    expect(error).toMatchObject({ code: 'ERR_PULL_FAILED', attempts: [{ error: { phase: 'body' } }] });
    expect(server.ranges().filter((range) => range?.startsWith('bytes=4000-'))).toHaveLength(5);
    expect(server.open()).toBe(0);
  });

  it('asks twenty times more than there are ranges, and no more', async () => {
    const server = startRangeServer([100_000], (_, reply) => cutAfter(reply, 200));
    const store = await openStore('memory');
    const { error } = await tryPull(server.name, { ...server, store, layerRanges: RANGES });
    expect(error).toMatchObject({ code: 'ERR_PULL_FAILED' });
    expect(server.ranges().length).toBeLessThanOrEqual(20 + RANGES.parallel);
  });

  it('tells which layer it was when a range is not there [B15]', async () => {
    const server = startRangeServer([10_000], ({ start }, reply) => (start === 6000 ? { status: 404 } : reply));
    const { error } = await tryPull(server.name, { ...server, store: await openStore('memory'), layerRanges: RANGES });
    expect(error).toMatchObject({ attempts: [{ blobs: [{ descriptor: server.layers[0], error: { status: 404 } }] }] });
    expect(server.open()).toBe(0);
  });
});

describe('layerRanges and wrong bytes [B01]', () => {
  const flipped = (reply: { body?: unknown }) => ({
    ...reply,
    body: (reply.body as Uint8Array).map((byte) => byte ^ 1),
  });

  it.each(STORES)('download the layer once more, as one stream, with the %s store', async (kind) => {
    const server = startRangeServer([10_000], ({ start, header }, reply) =>
      start === 5000 && header === 'bytes=5000-5999' ? flipped(reply) : reply,
    );
    const store = await openStore(kind);
    const { error, events } = await tryPull(server.name, { ...server, store, layerRanges: RANGES });
    expect([error, retryOffsets(events)]).toEqual([undefined, [0]]);
    expect(server.ranges()).toHaveLength(11);
    expect(server.ranges().at(-1)).toBeUndefined();
    await assertInvariants({ stores: [{ store, names: [server.name] }] });
  });

  it('fail the pull when they come again, and the error says which layer it was [B15]', async () => {
    const server = startRangeServer([10_000], (_, reply) => flipped(reply));
    const store = await openStore('memory');
    const { error } = await tryPull(server.name, { ...server, store, layerRanges: RANGES });
    const blobs = [{ descriptor: server.layers[0], error: { code: 'ERR_CONTENT_MISMATCH' } }];
    expect(error).toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
    expect(listBlobFailures(error)).toMatchObject(blobs);
    expect(server.ranges().filter((range) => range === undefined)).toHaveLength(1);
  });
});

describe('layerRanges over the network', () => {
  it('leaves no connection and no timer behind', async () => {
    const watch = startWatch();
    const scene = await startScene({ bytes: 200_000 });
    const runtime = startRuntime();
    const store = await openStore('memory');
    const layerRanges = { ...RANGES, rangeBytes: 20_000 };
    const { error } = await tryPull(scene.name, { runtime, store, layerRanges });
    expect([error, scene.ranges().length]).toEqual([undefined, Math.ceil(scene.layer.size / 20_000)]);
    const stores = [{ store, names: [scene.name] }];
    await assertInvariants({ stores, closeables: [runtime], registries: [scene.registry], watch });
  });
});
