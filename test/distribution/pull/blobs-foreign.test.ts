import { describe, expect, it } from 'vitest';
import { openBlob, readBlob } from 'kubepull/distribution';
import type { Descriptor } from 'kubepull/oci';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { authorization, basicChallenge, blob, connect, credential, manifest, ORIGIN, ref } from '../support.ts';

const evil = (path: string): string => `https://evil.example/${path}`;
const layer = (...urls: string[]): Descriptor => ({
  ...blob,
  mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  urls,
});

/** A registry that asks for a credential and has no blob, and whatever is elsewhere. */
function elsewhere(answer: (url: string) => Reply) {
  return createMemoryTransport((request): Reply => {
    if (!request.url.startsWith(ORIGIN)) return answer(request.url);
    return authorization(request) === undefined ? basicChallenge : { status: 404 };
  });
}

async function read(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const visits = (server: ReturnType<typeof elsewhere>) => server.requests.filter(({ url }) => !url.startsWith(ORIGIN));

describe('a layer with URLs [A06]', () => {
  it('is not fetched from them by default', async () => {
    const server = elsewhere(() => ({ body: manifest }));
    const { session } = connect(server, { credential: credential() });
    await expect(openBlob(session, ref, layer(evil('a')))).rejects.toMatchObject({ status: 404 });
    await expect(read(readBlob(session, ref, layer(evil('a'))))).rejects.toMatchObject({ status: 404 });
    expect(visits(server)).toEqual([]);
  });

  it('comes from the registry when it has it, also with the option', async () => {
    const server = createMemoryTransport(() => ({ body: manifest }));
    await openBlob(connect(server, { foreignLayers: true }).session, ref, layer(evil('a')));
    expect(server.requests.map(({ url }) => new URL(url).origin)).toEqual([ORIGIN]);
  });

  it('is fetched with the option, without credential and from public addresses only', async () => {
    const server = elsewhere(() => ({ body: manifest }));
    const { session } = connect(server, { credential: credential(), foreignLayers: true });
    expect(await read(readBlob(session, ref, layer(evil('a'))))).toEqual(Buffer.from(manifest));
    const [visit] = visits(server);
    expect(visit?.url).toBe(evil('a'));
    expect(visit?.allowAddresses).toEqual(['public']);
    expect(Object.keys(visit?.headers ?? {}).toSorted()).toEqual(['accept-encoding', 'user-agent']);
  });

  it('is verified as any other', async () => {
    const server = elsewhere(() => ({ body: manifest.toReversed() }));
    const { session } = connect(server, { foreignLayers: true, credential: credential() });
    await expect(read(readBlob(session, ref, layer(evil('a'))))).rejects.toMatchObject({
      code: 'ERR_CONTENT_MISMATCH',
    });
  });

  it('is resumed where it is', async () => {
    const part: Reply = { status: 206, headers: { 'content-range': 'bytes 5-18/19' }, body: manifest.slice(5) };
    const server = elsewhere((url) => (url.endsWith('a') ? part : { body: manifest }));
    const { session } = connect(server, { foreignLayers: true, credential: credential() });
    expect((await openBlob(session, ref, layer(evil('a')), { offset: 5 })).offset).toBe(5);
    expect((await openBlob(session, ref, layer(evil('b')), { offset: 5 })).offset).toBe(0);
    expect(visits(server).map(({ headers }) => headers['range'])).toEqual(['bytes=5-', 'bytes=5-']);
  });

  it('is fetched from the first URL of eight that has it', async () => {
    const server = elsewhere((url) => (url.endsWith('c') ? { body: manifest } : { status: 403 }));
    const { session } = connect(server, { foreignLayers: true, credential: credential() });
    await read((await openBlob(session, ref, layer(evil('a'), 'ftp://evil.example/b', evil('c'), evil('d')))).content);
    expect(visits(server).map(({ url }) => url)).toEqual([evil('a'), evil('c')]);
    const many = Array.from({ length: 50 }, (_, at) => evil(`x${at}`));
    await expect(openBlob(session, ref, layer(...many))).rejects.toMatchObject({ code: 'ERR_TRANSPORT' });
    expect(visits(server)).toHaveLength(2 + 8);
    expect(server.open()).toBe(0);
  });

  it.each([
    ['ftp://evil.example/a'],
    ['file:///etc/passwd'],
    ['data:text/plain,x'],
    ['http://evil.example/a'],
    ['https://u:p@evil.example/a'],
    ['https://127.0.0.1/a'],
    ['https://10.0.0.1/a'],
    ['https://169.254.169.254/latest/meta-data'],
    ['https://[::1]/a'],
    ['https://[fd00:ec2::254]/a'],
    ['https://0x7f000001/a'],
    ['https://2130706433/a'],
    ['not a URL'],
    [''],
  ])('is not fetched from %j', async (url) => {
    const server = elsewhere(() => ({ body: manifest }));
    const { session } = connect(server, { foreignLayers: true, credential: credential() });
    await expect(openBlob(session, ref, layer(url))).rejects.toMatchObject({ code: 'ERR_REQUEST_REFUSED' });
    expect(visits(server)).toEqual([]);
  });
});

describe('a foreign layer without the option', () => {
  it.each([400, 403, 404, 410, 451])(
    'says after %d that the option foreignLayers lets other servers be asked',
    async (status) => {
      const server = createMemoryTransport(() => ({ status }));
      const { session } = connect(server);
      const layer = { ...blob, urls: ['https://other.example/layer'] };
      await expect(openBlob(session, ref, layer)).rejects.toThrow(
        `${status}; the image names other servers for this layer (urls), which the option foreignLayers allows to be asked`,
      );
      await expect(openBlob(session, ref, blob)).rejects.toThrow(new RegExp(`${status}$`));
      expect(server.requests.every(({ url }) => url.startsWith(ORIGIN))).toBe(true);
    },
  );
});

describe('a challenge from a foreign URL [A05]', () => {
  it.each(['Basic realm="r"', `Bearer realm="${evil('token')}",service="s"`])(
    '%s is not answered',
    async (challenge) => {
      const server = elsewhere(() => ({ status: 401, headers: { 'www-authenticate': challenge } }));
      const { session } = connect(server, { foreignLayers: true, credential: credential() });
      await expect(openBlob(session, ref, layer(evil('a')))).rejects.toMatchObject({
        code: 'ERR_TRANSPORT',
        message: 'Cannot GET https://evil.example/…: 401',
      });
      expect(visits(server)).toHaveLength(1);
      expect(visits(server).every((request) => authorization(request) === undefined)).toBe(true);
    },
  );
});
