import { describe, expect, it } from 'vitest';
import { hasBlob, readBlob, type RegistrySession } from 'kubepull/distribution';
import { computeDigest } from 'kubepull/digest';
import { TransportError } from 'kubepull/errors';
import { nodeHasher } from 'kubepull/node';
import type { Descriptor } from 'kubepull/oci';
import { createFakeClock } from 'kubepull/testing';
import { canary } from '../../support/canary.ts';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { countingSignal } from '../../support/invariants.ts';
import { bearerChallenge, connect, isRealm, ref, tokenReply } from '../support.ts';

const bytes = Uint8Array.from({ length: 1000 }, (_, at) => at % 251);
const layer: Descriptor = {
  mediaType: 'application/vnd.oci.image.layer.v1.tar',
  digest: computeDigest(bytes, nodeHasher),
  size: bytes.length,
};
const cut = new TransportError('Cannot GET x: cut', { method: 'GET', url: 'x', phase: 'body', retryable: true });

async function* chunksOf(content: Uint8Array, size: number, failure?: Error): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.slice(at, at + size);
  if (failure !== undefined) throw failure;
}

/** Serves a range of the content as it should be. */
function serve(range: string | undefined, size: number, failure?: Error): Reply {
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  const headers = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
  const end = failure === undefined ? bytes.length : start + 100;
  return {
    ...(range === undefined ? {} : { status: 206, headers }),
    body: chunksOf(bytes.slice(start, end), size, failure),
  };
}

async function collect(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk.slice());
  return Buffer.concat(chunks);
}

const read = (session: RegistrySession, blob = layer): Promise<Uint8Array> => collect(readBlob(session, ref, blob));

describe('readBlob', () => {
  it.each([1, 7, 999, 1000])('streams the content in chunks of %d', async (size) => {
    const server = createMemoryTransport(({ headers }) => serve(headers['range'], size));
    expect(await read(connect(server).session)).toEqual(Buffer.from(bytes));
    expect(server.requests).toHaveLength(1);
    expect(server.open()).toBe(0);
  });

  it('asks for nothing when the content is empty or comes along', async () => {
    const server = createMemoryTransport(() => ({ status: 500 }));
    const { session } = connect(server);
    expect(
      await read(session, { ...layer, size: 0, digest: computeDigest(new Uint8Array(), nodeHasher) }),
    ).toHaveLength(0);
    expect(await read(session, { ...layer, data: Buffer.from(bytes).toString('base64') })).toEqual(Buffer.from(bytes));
    expect(server.requests).toHaveLength(0);
  });

  it('fetches what comes along wrong [M11]', async () => {
    const server = createMemoryTransport(({ headers }) => serve(headers['range'], 100));
    const data = Buffer.from(bytes).fill(0, 500).toString('base64');
    expect(await read(connect(server).session, { ...layer, data })).toEqual(Buffer.from(bytes));
    expect(server.requests).toHaveLength(1);
  });

  it('fails after the last byte when one bit is wrong [B01]', async () => {
    for (const place of [0, 500, 999]) {
      const wrong = bytes.slice();
      wrong[place] = (wrong[place] ?? 0) ^ 1;
      const server = createMemoryTransport(() => ({ body: chunksOf(wrong, 300) }));
      await expect(read(connect(server).session)).rejects.toMatchObject({
        code: 'ERR_CONTENT_MISMATCH',
        actual: { size: 1000 },
      });
      expect(server.requests).toHaveLength(1);
    }
  });

  it('gives no byte more than the descriptor says, and asks no more [M05]', async () => {
    const server = createMemoryTransport(() => ({ body: chunksOf(Buffer.concat([bytes, bytes]), 300) }));
    const { session } = connect(server);
    let length = 0;
    const reading = (async () => {
      for await (const chunk of readBlob(session, ref, layer)) length += chunk.length;
    })();
    await expect(reading).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH', actual: { digest: undefined } });
    expect(length).toBeLessThanOrEqual(1000);
    expect(server.requests).toHaveLength(1);
    expect(server.open()).toBe(0);
  });

  it('resumes where a cut or a body that ends early left off [B02]', async () => {
    for (const failure of [cut, undefined]) {
      let cuts = 0;
      const server = createMemoryTransport(({ headers }) => {
        cuts += 1;
        if (cuts > 3) return serve(headers['range'], 64);
        const reply = serve(headers['range'], 64, cut);
        const start = (cuts - 1) * 100;
        return failure === undefined ? { ...reply, body: chunksOf(bytes.slice(start, start + 100), 64) } : reply;
      });
      expect(await read(connect(server).session)).toEqual(Buffer.from(bytes));
      expect(server.requests.map(({ headers }) => headers['range'])).toEqual([
        undefined,
        'bytes=100-',
        'bytes=200-',
        'bytes=300-',
      ]);
      expect(server.open()).toBe(0);
    }
  });

  it('passes over what it has when the registry starts over [B03]', async () => {
    let asked = 0;
    const server = createMemoryTransport(() => {
      asked += 1;
      return { body: asked === 1 ? chunksOf(bytes.slice(0, 350), 100, cut) : chunksOf(bytes, 300) };
    });
    expect(await read(connect(server).session)).toEqual(Buffer.from(bytes));
    expect(asked).toBe(2);
  });

  it('gives up after five cuts without progress [B09]', async () => {
    const server = createMemoryTransport(({ headers }) => ({
      ...serve(headers['range'], 1),
      body: chunksOf(bytes.slice(0, 1), 1, cut),
    }));
    await expect(read(connect(server).session)).rejects.toMatchObject({ code: 'ERR_TRANSPORT', phase: 'body' });
    expect(server.requests).toHaveLength(5);
  });

  it('waits twice as long after each cut [B09]', async () => {
    const pauses: number[] = [];
    const server = createMemoryTransport(({ headers }) => ({
      ...serve(headers['range'], 1),
      body: chunksOf(bytes.slice(0, 1), 1, cut),
    }));
    const clock = { ...createFakeClock(), sleep: async (ms: number) => void pauses.push(ms) };
    await expect(read(connect(server, { clock }).session)).rejects.toBe(cut);
    expect(pauses).toEqual([250, 500, 1000, 2000]);
  });

  it('replaces two tokens for one blob, and no more', async () => {
    let served = 0;
    const server = createMemoryTransport((request) => {
      if (isRealm(request)) return tokenReply(canary('bearer-token'));
      served += 1;
      return served % 2 === 1 ? bearerChallenge() : serve(request.headers['range'], 100, cut);
    });
    await expect(read(connect(server).session)).rejects.toMatchObject({ status: 401 });
    expect(server.requests.filter(isRealm)).toHaveLength(3);
    expect(server.open()).toBe(0);
  });

  it('asks no more after a failure that is not passing [B10]', async () => {
    for (const status of [401, 403, 404]) {
      const server = createMemoryTransport(() => ({ status }));
      await expect(read(connect(server).session)).rejects.toMatchObject({ status });
      expect(server.requests).toHaveLength(1);
    }
  });

  it('stops with the reason of the caller, also between two attempts [B14]', async () => {
    const { signal, abort, ...counting } = countingSignal();
    const server = createMemoryTransport(({ headers }) => serve(headers['range'], 64, cut));
    const { session } = connect(server, {
      clock: { now: () => 0, monotonic: () => 0, sleep: async () => abort('enough') },
    });
    await expect(collect(readBlob(session, ref, layer, { signal }))).rejects.toBe('enough');
    expect(server.requests).toHaveLength(1);
    expect(counting.listeners).toBe(0);
  });

  it('hangs up when the reader leaves', async () => {
    const server = createMemoryTransport(({ headers }) => serve(headers['range'], 10));
    for await (const chunk of readBlob(connect(server).session, ref, layer)) {
      expect(chunk).toHaveLength(10);
      break;
    }
    expect(server.open()).toBe(0);
  });
});

describe('hasBlob', () => {
  it.each([
    [{ status: 200, headers: { 'content-length': '1000' } }, true],
    [{ status: 200 }, true],
    [{ status: 200, headers: { 'content-length': '20', 'content-encoding': 'gzip' } }, true],
    [{ status: 404 }, false],
  ])('answers %j with %j', async (reply: Reply, answer) => {
    const server = createMemoryTransport(() => reply);
    expect(await hasBlob(connect(server).session, ref, layer)).toBe(answer);
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD']);
    expect(server.open()).toBe(0);
  });

  it('refuses a blob of another size [M05]', async () => {
    const server = createMemoryTransport(() => ({ headers: { 'content-length': '999' } }));
    await expect(hasBlob(connect(server).session, ref, layer)).rejects.toMatchObject({
      code: 'ERR_CONTENT_MISMATCH',
      actual: { size: 999 },
    });
  });
});
