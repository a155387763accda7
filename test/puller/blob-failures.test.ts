import { once } from 'node:events';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { listBlobFailures, isImageError, StoreError } from 'kubepull/errors';
import { systemClock } from 'kubepull/clock';
import type { LayerRanges } from 'kubepull/puller';
import type { ImageStore } from 'kubepull/store';
import { openStore, tryPull } from './downloads-support.ts';
import { RANGES, type RangeServer, startRangeServer } from './ranges-support.ts';

/** All layers of the image end at the same time, each as `fail` says. */
async function failTogether(count: number, fail: (at: number, signal: AbortSignal | undefined) => unknown) {
  const server = startRangeServer(Array.from({ length: count }, () => 1000));
  const memory = await openStore('memory');
  let arrived = 0;
  let release: () => void = () => undefined;
  const together = new Promise<void>((resolve) => void (release = resolve));
  const store: ImageStore = {
    ...memory,
    async ingest(blob, options) {
      const at = server.layers.findIndex(({ digest }) => digest === blob.digest);
      const writer = await memory.ingest(blob, options);
      if (at < 0) return writer;
      const write = async (): Promise<void> => {
        arrived += 1;
        if (arrived === count) release();
        await together;
        throw await fail(at, options?.signal);
      };
      return { ...writer, offset: 0, write };
    },
  };
  const outcome = await tryPull(server.name, { ...server, store, maxParallelDownloads: count });
  return { ...outcome, server };
}

const digestsOf = ({ layers }: RangeServer): ReadonlySet<string> => new Set(layers.map(({ digest }) => digest));

describe('an error that ends the pull by itself [B15]', () => {
  it.each([1, 2, 5])('says of each of %d blobs what was wrong with it', async (count) => {
    const errors = Array.from(
      { length: count },
      (_, at) => new StoreError(`Cannot write ${at}: full`, { operation: 'write', errno: 'ENOSPC' }),
    );
    const { error, server } = await failTogether(count, (at) => errors[at]);
    if (!isImageError(error)) throw new Error('It is no error of this library');
    const blobs = listBlobFailures(error);
    expect(error.code).toBe('ERR_STORE');
    expect(new Set(blobs.map(({ descriptor }) => descriptor.digest))).toEqual(digestsOf(server));
    for (const { descriptor, error: why } of blobs)
      expect(why).toBe(errors[server.layers.findIndex(({ digest }) => digest === descriptor.digest)]);
    expect(blobs[0]?.error).toBe(error);
  });

  it('can be logged, though it is in its own list', async () => {
    const { error } = await failTogether(2, () => new StoreError('Cannot write: full', { operation: 'write' }));
    expect(() => JSON.stringify(error)).not.toThrow();
    expect(inspect(error)).toContain('Cannot write: full');
    expect(Object.keys(error as object)).not.toContain('blobs');
  });

  it('leaves out those that were only cancelled', async () => {
    const { error } = await failTogether(3, async (at, signal) => {
      if (at === 0) return new StoreError('Cannot write: full', { operation: 'write' });
      if (signal?.aborted === false) await once(signal, 'abort');
      return signal?.reason;
    });
    expect(error).toMatchObject({ code: 'ERR_STORE' });
    expect(listBlobFailures(error)).toHaveLength(1);
  });

  it('is as it was when no blob is to blame, and is not changed', async () => {
    const server = startRangeServer([10]);
    const memory = await openStore('memory');
    const frozen = Object.freeze(new StoreError('Cannot tag: full', { operation: 'tag' }));
    const tag = async (): Promise<never> => Promise.reject(frozen);
    const { error } = await tryPull(server.name, { ...server, store: { ...memory, tag } });
    expect(error).toBe(frozen);
    expect(listBlobFailures(frozen)).toEqual([]);
    expect((await failTogether(1, () => frozen)).error).toBe(frozen);
    expect(listBlobFailures(frozen)).toMatchObject([{ error: frozen }]);
  });

  it('passes an error on that is not ours, untouched', async () => {
    const odd = new TypeError('a store of somebody else');
    const { error } = await failTogether(2, () => odd);
    expect(error).toBe(odd);
    expect(Object.getOwnPropertyNames(odd)).not.toContain('blobs');
  });
});

describe('the time of one blob [B06 B09]', () => {
  const HOUR = 3_600_000;

  /** A registry that is slow and never still; an hour goes by with each piece. */
  const pullSlowly = async (pieces: number, cutAt?: number, layerRanges?: LayerRanges) => {
    let now = 0;
    let cut = cutAt;
    const server = startRangeServer([pieces * 10], (_, reply) => {
      const bytes = reply.body as Uint8Array;
      const end = cut ?? bytes.length;
      cut = undefined;
      const body = async function* () {
        for (let at = 0; at < end; at += 10) {
          now += HOUR;
          yield bytes.slice(at, at + 10);
        }
      };
      return { ...reply, body: body() };
    });
    const clock = { ...systemClock, monotonic: () => now, sleep: async () => undefined };
    const runtime = { ...server.runtime, clock };
    const outcome = await tryPull(server.name, { runtime, store: await openStore('memory'), layerRanges });
    return { ...outcome, server };
  };

  it('is six hours in all, however steadily it comes', async () => {
    expect((await pullSlowly(6)).error).toBeUndefined();
    const { error, server } = await pullSlowly(7);
    expect(error).toMatchObject({ attempts: [{ error: { code: 'ERR_TRANSPORT', phase: 'body', retryable: false } }] });
    expect(server.ranges()).toHaveLength(1);
    expect(server.open()).toBe(0);
  });

  it('does not begin anew with a resume', async () => {
    expect((await pullSlowly(6, 50)).error).toBeUndefined();
    const { error, server } = await pullSlowly(8, 50);
    expect(error).toMatchObject({ attempts: [{ error: { message: expect.stringContaining('time was up') } }] });
    expect(server.ranges()).toEqual([undefined, 'bytes=50-']);
  });

  it('is the same for all ranges together', async () => {
    const layerRanges = { ...RANGES, rangeBytes: 20 };
    expect((await pullSlowly(6, undefined, layerRanges)).error).toBeUndefined();
    const { error, server } = await pullSlowly(20, undefined, layerRanges);
    expect(error).toMatchObject({ attempts: [{ error: { message: expect.stringContaining('time was up') } }] });
    expect(server.ranges().length).toBeLessThan(10);
    expect(server.open()).toBe(0);
  });
});
