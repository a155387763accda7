import { describe, expect, it } from 'vitest';
import { openBlob } from 'kubepull/distribution';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { ORIGIN, blob, connect, manifest, ref } from '../support.ts';

describe('openBlob', () => {
  const ranged = (contentRange: string | undefined, status = 206): Reply => ({
    status,
    headers: contentRange === undefined ? {} : { 'content-range': contentRange },
    body: manifest.slice(5),
  });

  it('asks for the rest of a blob, and takes it', async () => {
    const server = createMemoryTransport(() => ranged('bytes 5-18/19'));
    const { offset, content } = await openBlob(connect(server).session, ref, blob, { offset: 5 });
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    expect([offset, Buffer.concat(chunks).length]).toEqual([5, 14]);
    expect(server.requests[0]?.headers['range']).toBe('bytes=5-');
  });

  it('starts over when the registry ignores the range [B03]', async () => {
    const server = createMemoryTransport(() => ({ body: manifest }));
    expect((await openBlob(connect(server).session, ref, blob, { offset: 5 })).offset).toBe(0);
  });

  it.each([
    ['bytes 0-18/19'],
    ['bytes 6-18/19'],
    ['bytes 5-17/19'],
    ['bytes 5-18/20'],
    ['bytes 5-18/*'],
    ['bytes */19'],
    ['octets 5-18/19'],
    [undefined],
  ])('starts over after the range %s [B03]', async (contentRange) => {
    const server = createMemoryTransport(({ headers }) =>
      headers['range'] === undefined ? { body: manifest } : ranged(contentRange),
    );
    const { offset, content } = await openBlob(connect(server).session, ref, blob, { offset: 5 });
    expect([offset, server.requests.length]).toEqual([0, 2]);
    for await (const chunk of content) expect(chunk).toHaveLength(19);
    expect(server.open()).toBe(0);
  });

  it('starts over after 416 [B04]', async () => {
    const server = createMemoryTransport(({ headers }) =>
      headers['range'] === undefined ? { body: manifest } : { status: 416 },
    );
    expect((await openBlob(connect(server).session, ref, blob, { offset: 5 })).offset).toBe(0);
  });

  it('takes no part that it did not ask for [B03]', async () => {
    const server = createMemoryTransport(() => ranged('bytes 0-18/19'));
    await expect(openBlob(connect(server).session, ref, blob)).rejects.toMatchObject({ status: 206 });
    expect(server.open()).toBe(0);
  });

  it.each([400, 403, 416, 501])('asks once for the whole after %d [B04]', async (status) => {
    const server = createMemoryTransport(({ headers }) =>
      headers['range'] === undefined ? { body: manifest } : { status },
    );
    expect((await openBlob(connect(server).session, ref, blob, { offset: 5 })).offset).toBe(0);
    expect(server.requests.map(({ headers }) => headers['range'])).toEqual(['bytes=5-', undefined]);
    const refused = createMemoryTransport(() => ({ status }));
    await expect(openBlob(connect(refused).session, ref, blob, { offset: 5 })).rejects.toMatchObject({ status });
    expect(refused.requests).toHaveLength(2);
  });

  it.each([401, 404, 410, 429, 500])('does not ask for the whole after %d [B10]', async (status) => {
    const server = createMemoryTransport(() => ({ status }));
    await expect(openBlob(connect(server).session, ref, blob, { offset: 5 })).rejects.toMatchObject({ status });
    expect(server.requests.every(({ headers }) => headers['range'] === 'bytes=5-')).toBe(true);
    expect(server.requests).toHaveLength(status === 429 || status === 500 ? 5 : 1);
  });

  it('gives an encoded part as it came, for its digest to be compared [M06]', async () => {
    const headers = { 'content-range': 'bytes 5-18/19', 'content-encoding': 'gzip' };
    const server = createMemoryTransport(() => ({ status: 206, headers, body: manifest.slice(5) }));
    const { content } = await openBlob(connect(server).session, ref, blob, { offset: 5 });
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    expect(Buffer.concat(chunks)).toEqual(Buffer.from(manifest.slice(5)));
    expect(server.open()).toBe(0);
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuses the offset %d', async (offset) => {
    const server = createMemoryTransport(() => ({}));
    await expect(openBlob(connect(server).session, ref, blob, { offset })).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
    });
    expect(server.requests).toEqual([]);
  });

  it('takes the part and the rest of the credential’s rules along a redirect', async () => {
    const server = createMemoryTransport(({ url }) =>
      url.startsWith(ORIGIN)
        ? { status: 307, headers: { location: 'https://cdn.example/b' } }
        : ranged('bytes 5-18/19'),
    );
    expect((await openBlob(connect(server).session, ref, blob, { offset: 5 })).offset).toBe(5);
    expect(server.requests[1]).toMatchObject({ headers: { range: 'bytes=5-' }, allowAddresses: ['public'] });
  });
});
