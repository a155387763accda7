import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type AnswerFault, buildImage, type LoopbackRegistry, type RangeLie } from 'kubepull/testing';
import { startRegistry } from '../../support/registry.ts';
import { rawGet, type RawReply } from './raw-client.ts';

const image = buildImage({ layers: [{ randomBytes: 1000, seed: 'answers' }] });
const layer = image.manifest.layers[0]!;
const layerBytes = Buffer.from(image.blobs.get(layer.digest) ?? []);
const BLOB = `/v2/app/blobs/${layer.digest}`;
const HALF = Math.ceil(layer.size / 2);

async function faulty(...actions: readonly AnswerFault[]): Promise<LoopbackRegistry> {
  const registry = await startRegistry();
  registry.push('app', '1', image);
  for (const action of actions) registry.fault({ action });
  return registry;
}

/** One GET on a connection that ends with the answer. */
async function get(registry: LoopbackRegistry, range?: string, path = BLOB): Promise<RawReply> {
  return rawGet(registry, path, { connection: 'close', ...(range === undefined ? {} : { range }) });
}

function header({ head }: RawReply, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim();
}

const statusOf = ({ head }: RawReply): number => Number(head.split(' ')[1]);

describe('body', () => {
  it('sends another body under the same status and headers', async () => {
    const reply = await get(await faulty({ kind: 'body', body: '<html>' }), undefined, '/v2/app/manifests/1');
    expect([statusOf(reply), reply.body.toString()]).toEqual([200, '<html>']);
    expect([
      header(reply, 'content-type'),
      header(reply, 'content-length'),
      header(reply, 'docker-content-digest'),
    ]).toEqual([image.descriptor.mediaType, '6', image.descriptor.digest]);
  });
});

describe('truncate', () => {
  it('ends early as if that were all', async () => {
    const reply = await get(await faulty({ kind: 'truncate', afterBytes: 100 }));
    expect([statusOf(reply), header(reply, 'content-length')]).toEqual([200, '100']);
    expect(reply.body.equals(layerBytes.subarray(0, 100))).toBe(true);
  });

  it('ends early in chunks', async () => {
    const reply = await get(await faulty({ kind: 'truncate', afterBytes: 5, framing: 'chunked' }));
    expect([header(reply, 'content-length'), header(reply, 'transfer-encoding')]).toEqual([undefined, 'chunked']);
    const chunk = Buffer.concat([Buffer.from('5\r\n'), layerBytes.subarray(0, 5), Buffer.from('\r\n0\r\n\r\n')]);
    expect([reply.body.equals(chunk), reply.end]).toEqual([true, 'closed']);
  });

  it('ends early with the connection, so that nobody can tell', async () => {
    const reply = await rawGet(await faulty({ kind: 'truncate', afterBytes: 5, framing: 'close' }), BLOB);
    expect([header(reply, 'content-length'), header(reply, 'transfer-encoding')]).toEqual([undefined, undefined]);
    expect([reply.body.equals(layerBytes.subarray(0, 5)), reply.end]).toEqual([true, 'closed']);
  });
});

describe('extend', () => {
  const extended = Buffer.concat([layerBytes, Buffer.alloc(3)]);

  it.each([
    [undefined, String(layer.size + 3)],
    ['close', undefined],
    ['unchanged', String(layer.size)],
  ] as const)('sends more than there is, framing %s', async (framing, length) => {
    const reply = await get(await faulty({ kind: 'extend', bytes: 3, framing }));
    expect([statusOf(reply), header(reply, 'content-length')]).toEqual([200, length]);
    expect(reply.body.equals(extended)).toBe(true);
  });
});

describe('encode', () => {
  it.each([
    ['gzip', gunzipSync],
    ['deflate', inflateSync],
    ['br', brotliDecompressSync],
  ] as const)('compresses by %s, unasked', async (encoding, decode) => {
    const reply = await get(await faulty({ kind: 'encode', encoding }));
    expect(header(reply, 'content-encoding')).toBe(encoding);
    expect(header(reply, 'content-length')).toBe(String(reply.body.length));
    expect(reply.body.equals(layerBytes)).toBe(false);
    expect(decode(reply.body).equals(layerBytes)).toBe(true);
  });

  it('makes a bomb of another body', async () => {
    const body = new Uint8Array(10_000_000);
    const reply = await get(await faulty({ kind: 'body', body }, { kind: 'encode', encoding: 'gzip' }));
    expect(reply.body.length).toBeLessThan(20_000);
    expect(gunzipSync(reply.body)).toHaveLength(10_000_000);
  });
});

describe('range-lie', () => {
  const range = 'bytes=100-199';
  const asked = layerBytes.subarray(100, 200);

  it.each([
    ['start', 206, `bytes 101-199/${layer.size}`, asked],
    ['end', 206, `bytes 100-198/${layer.size}`, asked],
    ['total', 206, `bytes 100-199/${layer.size + 1}`, asked],
    ['shift', 206, `bytes 101-199/${layer.size}`, layerBytes.subarray(101, 200)],
    ['full', 200, undefined, layerBytes],
    ['unasked', 206, `bytes 100-199/${layer.size}`, asked],
  ] as const)('%s, of an answer to a range', async (lie, status, contentRange, body) => {
    const reply = await get(await faulty({ kind: 'range-lie', lie }), range);
    expect([statusOf(reply), header(reply, 'content-range')]).toEqual([status, contentRange]);
    expect(header(reply, 'content-length')).toBe(String(body.length));
    expect(reply.body.equals(body)).toBe(true);
  });

  it('multipart, of an answer to a range', async () => {
    const reply = await get(await faulty({ kind: 'range-lie', lie: 'multipart' }), range);
    expect([statusOf(reply), header(reply, 'content-range')]).toEqual([206, undefined]);
    expect(header(reply, 'content-type')).toBe('multipart/byteranges; boundary=loopback-registry');
    expect(header(reply, 'content-length')).toBe(String(reply.body.length));
    const parts = reply.body.toString('latin1').split(/--loopback-registry(?:--)?\r\n/);
    expect(parts.slice(1, 3).map((part) => part.split('\r\n')[0])).toEqual([
      `Content-Range: bytes 100-149/${layer.size}`,
      `Content-Range: bytes 150-199/${layer.size}`,
    ]);
    const contents = parts.slice(1, 3).map((part) => part.slice(part.indexOf('\r\n\r\n') + 4, -2));
    expect(contents.join('')).toBe(asked.toString('latin1'));
  });

  it('unasked, of everything', async () => {
    const reply = await get(await faulty({ kind: 'range-lie', lie: 'unasked' }));
    expect([statusOf(reply), header(reply, 'content-range')]).toEqual([206, `bytes 0-${HALF - 1}/${layer.size}`]);
    expect(reply.body.equals(layerBytes.subarray(0, HALF))).toBe(true);
  });

  it.each<RangeLie>(['start', 'end', 'total', 'shift', 'full', 'multipart'])('%s leaves a 200 alone', async (lie) => {
    const reply = await get(await faulty({ kind: 'range-lie', lie }));
    expect([statusOf(reply), reply.body.equals(layerBytes)]).toEqual([200, true]);
  });

  it('keeps a flipped byte in the full answer', async () => {
    const registry = await faulty({ kind: 'flip', offset: 0 }, { kind: 'range-lie', lie: 'full' });
    expect((await get(registry, range)).body[0]).toBe((layerBytes[0] ?? 0) ^ 0xff);
  });
});

describe('header', () => {
  it('gives warnings and rate limits', async () => {
    const registry = await faulty(
      { kind: 'header', name: 'Warning', value: '299 - "Old image"' },
      { kind: 'header', name: 'RateLimit-Limit', value: '100;w=21600' },
      { kind: 'header', name: 'RateLimit-Remaining', value: '0;w=21600' },
    );
    const reply = await get(registry, undefined, '/v2/app/manifests/1');
    expect(['warning', 'ratelimit-limit', 'ratelimit-remaining'].map((name) => header(reply, name))).toEqual([
      '299 - "Old image"',
      '100;w=21600',
      '0;w=21600',
    ]);
  });
});

describe('fault', () => {
  it.each([
    { kind: 'truncate', afterBytes: -1 },
    { kind: 'truncate', afterBytes: 0.5 },
    { kind: 'extend', bytes: 0 },
    { kind: 'flip', offset: Number.NaN },
    { kind: 'flip', offset: Infinity },
  ] as const)('refuses %j', async (action) => {
    const registry = await startRegistry();
    expect(() => registry.fault({ action })).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }));
  });
});
