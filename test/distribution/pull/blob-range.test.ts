import { describe, expect, it } from 'vitest';
import { openBlob } from 'kubepull/distribution';
import type { Descriptor } from 'kubepull/oci';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { blob, connect, manifest, ORIGIN, ref } from '../support.ts';

const SIZE = manifest.length;

/** A registry that serves ranges; its answer to one may be another. */
function serve(change: (right: Reply) => Reply = (right) => right) {
  return createMemoryTransport(({ headers }) => {
    const [, from = '', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(headers['range'] ?? '') ?? [];
    if (from === '') return { body: manifest };
    const [start, end] = [Number(from), to === '' ? SIZE : Number(to) + 1];
    const range = `bytes ${start}-${end - 1}/${SIZE}`;
    return change({ status: 206, headers: { 'content-range': range }, body: manifest.subarray(start, end) });
  });
}

async function read(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('openBlob with an end', () => {
  it.each([
    [0, 5, 'bytes=0-4'],
    [3, 4, 'bytes=3-3'],
    [3, SIZE - 1, `bytes=3-${SIZE - 2}`],
    [3, SIZE, 'bytes=3-'],
    [0, SIZE, undefined],
  ])('takes the bytes from %d up to %d', async (offset, end, header) => {
    const server = serve();
    const fetched = await openBlob(connect(server).session, ref, blob, { offset, end });
    expect(fetched).toMatchObject({ offset, end });
    expect(Buffer.from(await read(fetched.content))).toEqual(Buffer.from(manifest.subarray(offset, end)));
    expect(server.requests.map(({ headers }) => headers['range'])).toEqual([header]);
  });

  it.each([
    'bytes 2-8/19',
    'bytes 3-7/19',
    'bytes 3-9/19',
    'bytes 3-18/19',
    'bytes 3-8/20',
    'bytes 3-8/*',
    'bytes 3-8',
    'octets 3-8/19',
    'bytes 03-8/19',
    'bytes  3-8/19',
    '',
  ])('takes none but exactly that range, and not %s [B03]', async (range) => {
    const server = serve((right) => ({ ...right, headers: { 'content-range': range } }));
    const fetched = await openBlob(connect(server).session, ref, blob, { offset: 3, end: 9 });
    expect(fetched).toMatchObject({ offset: 0, end: SIZE });
    expect(await read(fetched.content)).toHaveLength(SIZE);
    expect(server.requests.map(({ headers }) => headers['range'])).toEqual(['bytes=3-8', undefined]);
    expect(server.open()).toBe(0);
  });

  it('says that all of it came when the registry knows no ranges [B03]', async () => {
    const server = serve(() => ({ body: manifest }));
    const fetched = await openBlob(connect(server).session, ref, blob, { end: 9 });
    expect(fetched).toMatchObject({ offset: 0, end: SIZE });
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    [0, 0],
    [5, 5],
    [5, 4],
    [0, SIZE + 1],
    [0, 1.5],
    [0, Number.NaN],
    [0, -1],
  ])('refuses the part from %d up to %d', async (offset, end) => {
    const server = serve();
    await expect(openBlob(connect(server).session, ref, blob, { offset, end })).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
    });
    expect(server.requests).toEqual([]);
  });

  it('cuts the part out of what the descriptor brings along', async () => {
    const server = serve();
    const embedded: Descriptor = { ...blob, data: Buffer.from(manifest).toString('base64') };
    const fetched = await openBlob(connect(server).session, ref, embedded, { offset: 2, end: 7 });
    expect(fetched).toMatchObject({ offset: 2, end: 7 });
    expect(Buffer.from(await read(fetched.content))).toEqual(Buffer.from(manifest.subarray(2, 7)));
    expect(server.requests).toEqual([]);
  });

  it('asks the URLs of a foreign layer for the same part', async () => {
    const at = 'https://other.example/layer';
    const ranges = serve();
    const server = createMemoryTransport((request) =>
      request.url.startsWith(ORIGIN) ? { status: 404 } : forward(ranges, request.headers),
    );
    const { session } = connect(server, { foreignLayers: true });
    const fetched = await openBlob(session, ref, { ...blob, urls: [at] }, { offset: 2, end: 7 });
    expect(fetched).toMatchObject({ offset: 2, end: 7 });
    expect(await read(fetched.content)).toHaveLength(5);
    expect(server.requests.map(({ headers }) => headers['range'])).toEqual(['bytes=2-6', 'bytes=2-6']);
  });
});

async function forward(
  { transport }: ReturnType<typeof serve>,
  headers: Readonly<Record<string, string>>,
): Promise<Reply> {
  const answer = await transport({ method: 'GET', url: `${ORIGIN}/x`, headers });
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body: answer.body };
}
