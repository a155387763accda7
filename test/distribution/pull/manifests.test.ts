import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readBlob, readManifestBytes, resolveManifest } from 'kubepull/distribution';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { ACCEPTED_MANIFEST_TYPES } from 'kubepull/oci';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { collect } from '../registry-support.ts';
import {
  ORIGIN,
  authorization,
  basicChallenge,
  credential,
  blob,
  connect,
  digest,
  found,
  manifest,
  mediaType,
  ref,
} from '../support.ts';

describe('readManifestBytes', () => {
  const ENCODINGS = ['gzip', 'br', 'deflate', 'zstd', 'identity, gzip', 'x-gzip', 'aws-chunked', 'utf-8', 'binary'];

  it.each(ENCODINGS)('refuses Content-Encoding %s where no digest is known [M06]', async (encoding) => {
    const reply: Reply = { ...found, headers: { 'content-type': mediaType, 'content-encoding': encoding } };
    const server = createMemoryTransport(() => reply);
    await expect(readManifestBytes(connect(server).session, ref)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_DOCUMENT',
      message: expect.stringContaining('the registry, or what stands before it, has to send it as it is') as string,
    });
    expect(server.requests[0]?.headers['accept-encoding']).toBe('identity');
    expect(server.open()).toBe(0);
  });

  it.each(ENCODINGS)(
    'compares the bytes as they come with the digest, under Content-Encoding %s [M06]',
    async (encoding) => {
      const headers = { 'content-type': mediaType, 'content-encoding': encoding };
      const server = createMemoryTransport(() => ({ headers, body: manifest }));
      const { session } = connect(server);
      const wanted = { ...ref, tag: undefined, digest };
      expect((await readManifestBytes(session, wanted)).bytes).toEqual(manifest);
      expect(await collect(readBlob(session, ref, blob))).toEqual([manifest]);
      const packed = createMemoryTransport(() => ({ headers, body: gzipSync(manifest) }));
      await expect(readManifestBytes(connect(packed).session, wanted)).rejects.toMatchObject({
        code: 'ERR_CONTENT_MISMATCH',
      });
      await expect(collect(readBlob(connect(packed).session, ref, blob))).rejects.toMatchObject({
        code: 'ERR_CONTENT_MISMATCH',
      });
      expect([server.open(), packed.open()]).toEqual([0, 0]);
    },
  );

  it.each(['', 'identity', 'identity, identity', ' Identity ,'])(
    'takes Content-Encoding %j for none [M06]',
    async (encoding) => {
      const headers = { 'content-type': mediaType, 'content-encoding': encoding };
      const server = createMemoryTransport(() => ({ headers, body: manifest }));
      expect((await readManifestBytes(connect(server).session, ref)).bytes).toEqual(manifest);
    },
  );

  it.each([
    [undefined, 'it came without a Content-Type'],
    ['', 'it came without a Content-Type'],
    ['text/html; charset=utf-8', 'its Content-Type is "text/html", which is neither a manifest nor an index'],
    ['application/json', 'its Content-Type is "application/json", which is neither a manifest nor an index'],
    ['application/vnd.docker.distribution.manifest.v1+prettyjws', 'it is Docker schema 1, which is not supported'],
    ['application/vnd.docker.distribution.manifest.v1+json', 'it is Docker schema 1, which is not supported'],
  ])('takes no %s for a manifest [M09]', async (type, reason) => {
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
    const server = createMemoryTransport(() => ({ headers, body: manifest }));
    const { session } = connect(server);
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
    await expect(readManifestBytes(session, ref)).rejects.toThrow(reason);
    expect(server.open()).toBe(0);
  });

  it.each(ACCEPTED_MANIFEST_TYPES)('takes %s, however it is written', async (type) => {
    const headers = { 'content-type': ` ${type.toUpperCase()} ; charset=utf-8` };
    const server = createMemoryTransport(() => ({ headers, body: manifest }));
    expect((await readManifestBytes(connect(server).session, ref)).descriptor.mediaType).toBe(type);
    expect(server.requests[0]?.headers['accept']?.split(', ')).toContain(type);
  });

  it.each(['sha256:abc', 'md5:d41d8cd98f00b204e9800998ecf8427e', 'nonsense', ''])(
    'takes %j for no digest [M02 C09]',
    async (claimed) => {
      const headers = { 'content-type': mediaType, 'docker-content-digest': claimed };
      const server = createMemoryTransport(() => ({ headers, body: manifest }));
      expect((await readManifestBytes(connect(server).session, ref)).descriptor.digest).toBe(digest);
    },
  );

  it('keeps what it accepts on the way to another origin, and the credential at home [A01]', async () => {
    const server = createMemoryTransport((request): Reply => {
      if (!request.url.startsWith(ORIGIN)) return found;
      if (authorization(request) === undefined) return basicChallenge;
      return { status: 307, headers: { location: 'https://cdn.example/m' } };
    });
    await readManifestBytes(connect(server, { credential: credential() }).session, ref);
    const last = server.requests.at(-1);
    expect(Object.keys(last?.headers ?? {})).toEqual(['accept', 'accept-encoding', 'user-agent']);
  });
});

describe('resolveManifest', () => {
  it('needs no body when the headers say all', async () => {
    const headers = {
      'content-type': `${mediaType}; charset=utf-8`,
      'docker-content-digest': digest,
      'content-length': '19',
    };
    const server = createMemoryTransport(() => ({ headers }));
    expect(await resolveManifest(connect(server).session, ref)).toEqual({ mediaType, digest, size: 19 });
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD']);
    expect(server.open()).toBe(0);
  });

  it.each(['content-type', 'docker-content-digest', 'content-length'])(
    'fetches the manifest when %s is missing',
    async (name) => {
      const headers = { 'content-type': mediaType, 'docker-content-digest': digest, 'content-length': '19' };
      const server = createMemoryTransport(({ method }) =>
        method === 'HEAD'
          ? { headers: Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name)) }
          : found,
      );
      expect((await resolveManifest(connect(server).session, ref)).digest).toBe(digest);
      expect(server.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
    },
  );

  it('fetches the manifest when its length is said to be that of the answer without a body [M05]', async () => {
    const headers = { 'content-type': mediaType, 'docker-content-digest': digest, 'content-length': '0' };
    const server = createMemoryTransport(({ method }) => (method === 'HEAD' ? { headers } : found));
    expect(await resolveManifest(connect(server).session, ref)).toEqual({ mediaType, digest, size: 19 });
  });

  it('refuses another digest than the one that was asked for [M02]', async () => {
    const headers = {
      'content-type': mediaType,
      'docker-content-digest': `sha256:${'0'.repeat(64)}`,
      'content-length': '19',
    };
    const server = createMemoryTransport(() => ({ headers }));
    const byDigest = { ...ref, tag: undefined, digest };
    await expect(resolveManifest(connect(server).session, byDigest)).rejects.toMatchObject({
      code: 'ERR_CONTENT_MISMATCH',
    });
    expect(server.requests).toHaveLength(1);
  });

  it('looks at the bytes when the registry speaks of another algorithm [M02]', async () => {
    const sha512 = computeDigest(manifest, nodeHasher, 'sha512');
    const headers = { 'content-type': mediaType, 'docker-content-digest': digest, 'content-length': '19' };
    const server = createMemoryTransport(() => ({ headers, body: manifest }));
    const found = await resolveManifest(connect(server).session, { ...ref, tag: undefined, digest: sha512 });
    expect(found).toEqual({ mediaType, digest: sha512, size: 19 });
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
  });

  it.each([
    ['content-type', 'text/html'],
    ['content-encoding', 'gzip'],
    ['content-length', '-1'],
    ['content-length', '1e3'],
    ['content-length', '4194305'],
    ['content-length', '99999999999999999999'],
    ['docker-content-digest', 'sha256:abc'],
  ])('believes no %s: %s [M05 M09]', async (name, value) => {
    const headers = { 'content-type': mediaType, 'docker-content-digest': digest, 'content-length': '19' };
    const server = createMemoryTransport(({ method }) =>
      method === 'HEAD' ? { headers: { ...headers, [name]: value } } : found,
    );
    expect(await resolveManifest(connect(server).session, ref)).toEqual({ mediaType, digest, size: 19 });
  });

  it.each([400, 401, 403, 405, 406, 501])('asks by GET when HEAD is refused: %d', async (status) => {
    const server = createMemoryTransport(({ method }) => (method === 'HEAD' ? { status } : found));
    expect((await resolveManifest(connect(server).session, ref)).digest).toBe(digest);
    const refused = createMemoryTransport(() => ({ status }));
    await expect(resolveManifest(connect(refused).session, ref)).rejects.toMatchObject({ method: 'GET', status });
    expect(refused.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
  });

  it('shows a credential that was refused no second time [A20]', async () => {
    const server = createMemoryTransport(() => basicChallenge);
    const { session } = connect(server, { credential: credential() });
    await expect(resolveManifest(session, ref)).rejects.toMatchObject({ method: 'HEAD', status: 401 });
    expect(server.requests.filter((request) => authorization(request) !== undefined).length).toBe(1);
  });

  it('says that there is none', async () => {
    const server = createMemoryTransport(() => ({ status: 404 }));
    await expect(resolveManifest(connect(server).session, ref)).rejects.toMatchObject({ method: 'HEAD', status: 404 });
  });
});
