import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { pushBlob, pushManifest, type TransportRequest } from 'kubepull/distribution';
import { nodeHasher } from 'kubepull/node';
import { encodeManifest, type ImageManifest, MEDIA_TYPES } from 'kubepull/oci';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import {
  authorization,
  basicChallenge,
  bearerChallenge,
  blob,
  connect,
  credential,
  isRealm,
  manifest as content,
  ORIGIN,
  ref,
  tokenReply,
} from '../support.ts';

const UPLOADS = `${ORIGIN}/v2/team/app/blobs/uploads/`;
const OTHER = `sha256:${'0'.repeat(64)}`;
const created: Reply = { status: 201 };

/** A registry without content; each test says what is odd about it. */
function registry(
  odd: (request: TransportRequest) => Reply | undefined = () => undefined,
  location = '/v2/team/app/blobs/uploads/1',
) {
  return createMemoryTransport((request): Reply => {
    const reply = odd(request);
    if (reply !== undefined) return reply;
    if (request.method === 'HEAD') return { status: 404 };
    return request.method === 'POST' ? { status: 202, headers: { location } } : created;
  });
}

const push = ({ session }: ReturnType<typeof connect>) => pushBlob(session, ref, blob, { content });

describe('an upload goes on where the registry says', () => {
  it.each([
    ['/v2/team/app/blobs/uploads/1', `${UPLOADS}1?digest=`],
    [`${UPLOADS}1?_state=a%2Fb==&x`, `${UPLOADS}1?_state=a%2Fb==&x&digest=`],
    ['1?_state=s', `${UPLOADS}1?_state=s&digest=`],
    ['?upload=1', `${UPLOADS}?upload=1&digest=`],
    ['/artifacts-uploads/namespaces/p/uploads/1#x', `${ORIGIN}/artifacts-uploads/namespaces/p/uploads/1?digest=`],
  ])('to %s', async (location, url) => {
    const server = registry(undefined, location);
    expect(await push(connect(server))).toBe('uploaded');
    const [, , put] = server.requests;
    expect([put?.method, put?.url]).toEqual(['PUT', `${url}${encodeURIComponent(blob.digest)}`]);
    expect(put?.headers['content-length']).toBe(String(blob.size));
    expect(put?.body).toBe(content);
    expect(server.open()).toBe(0);
  });

  it.each([
    ['https://evil.example/upload'],
    ['//evil.example/upload'],
    ['http://r.example/upload'],
    ['https://r.example:8443/upload'],
    ['https://u:p@r.example/upload'],
    ['https://127.0.0.1/upload'],
    ['file:///etc/passwd'],
    ['https://['],
    [`/${'x'.repeat(20_000)}`],
  ])('but not to %s [A04 A18]', async (location) => {
    const server = registry((request) => (authorization(request) === undefined ? basicChallenge : undefined), location);
    await expect(push(connect(server, { credential: credential() }))).rejects.toMatchObject({
      code: 'ERR_REQUEST_REFUSED',
    });
    expect(server.requests.every(({ url }) => new URL(url).origin === ORIGIN)).toBe(true);
    expect(server.requests.some(({ method }) => method === 'PUT')).toBe(false);
    expect(server.open()).toBe(0);
  });

  it('and nowhere when it says nothing', async () => {
    const server = registry(({ method }) => (method === 'POST' ? { status: 202 } : undefined));
    await expect(push(connect(server))).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
  });

  it.each([301, 302, 303, 307, 308])('and the content is not redirected with %d [A01]', async (status) => {
    const server = registry(({ method }) =>
      method === 'PUT' ? { status, headers: { location: 'https://evil.example/' } } : undefined,
    );
    await expect(push(connect(server))).rejects.toMatchObject({ code: 'ERR_REGISTRY_RESPONSE', status });
    expect(server.requests.every(({ url }) => new URL(url).origin === ORIGIN)).toBe(true);
  });
});

describe('a mount that is refused', () => {
  const from = { path: 'private/base' };
  const refusing = (status: number) => registry(({ url }) => (url.includes('mount=') ? { status } : undefined));

  it.each([400, 401, 403, 404, 405])('is no reason not to upload: %d', async (status) => {
    const server = refusing(status);
    expect(await pushBlob(connect(server).session, ref, blob, { content, mountFrom: from })).toBe('uploaded');
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD', 'POST', 'POST', 'PUT']);
    expect(server.open()).toBe(0);
  });

  it('is none either when the token server refuses it', async () => {
    const server = registry((request) => {
      const scopes = new URL(request.url).searchParams.getAll('scope');
      if (isRealm(request)) return scopes.length > 1 ? { status: 403 } : tokenReply('t');
      return authorization(request) === undefined ? bearerChallenge() : undefined;
    });
    expect(await pushBlob(connect(server).session, ref, blob, { content, mountFrom: from })).toBe('uploaded');
  });

  it('is told as what it is when there is nothing to upload', async () => {
    const server = refusing(403);
    await expect(pushBlob(connect(server).session, ref, blob, { mountFrom: from })).rejects.toMatchObject({
      code: 'ERR_REGISTRY_RESPONSE',
      status: 403,
    });
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD', 'POST']);
  });
});

describe('a status counts for what it is, each of 100 to 599 once [M09]', () => {
  const config = { ...blob, mediaType: MEDIA_TYPES.ociConfig };
  const document: ImageManifest = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config, layers: [] };
  const image = { bytes: encodeManifest(document), mediaType: document.mediaType };
  const every = Array.from({ length: 500 }, (_, at) => 100 + at);
  /** The statuses of one kind of request with which a push goes well. */
  const good = async (isIt: (request: TransportRequest) => boolean, mountFrom?: { path: string }) => {
    const passed: number[] = [];
    for (const status of every) {
      const headers: Record<string, string> = status < 300 ? { location: '/v2/team/app/blobs/uploads/1' } : {};
      const server = registry((request) => (isIt(request) ? { status, headers } : undefined));
      const options = { content: () => content, mountFrom };
      const outcome = await pushManifest(connect(server).session, ref, image, options).then(
        () => passed.push(status),
        (error: unknown) => error,
      );
      if (typeof outcome !== 'number') expect(outcome).toMatchObject({ code: 'ERR_REGISTRY_RESPONSE', status });
      expect(server.open()).toBe(0);
    }
    return passed;
  };

  it('on the question for a blob', async () => {
    expect(await good(({ method }) => method === 'HEAD')).toEqual([200, 404]);
  });

  it('on the start of an upload', async () => {
    expect(await good(({ method }) => method === 'POST')).toEqual([202]);
  });

  it('on a mount', async () => {
    expect(await good(({ method }) => method === 'POST', { path: 'base/image' })).toEqual([201, 202]);
  });

  it('on an upload', async () => {
    expect(await good(({ method, url }) => method === 'PUT' && url.includes('/uploads/'))).toEqual([201]);
  });

  it('on a manifest', async () => {
    expect(await good(({ method, url }) => method === 'PUT' && url.includes('/manifests/'))).toEqual([201]);
  });
});

describe('what a registry says that it stored [M02]', () => {
  const config = { ...blob, mediaType: MEDIA_TYPES.ociConfig };
  const document: ImageManifest = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config, layers: [] };
  const image = { bytes: encodeManifest(document), mediaType: document.mediaType };
  const saying = (part: string, digest: string) =>
    registry(({ method, url }) =>
      (method === 'PUT' && url.includes(part)) || (part === 'mount=' && url.includes(part))
        ? { status: 201, headers: { 'docker-content-digest': digest } }
        : undefined,
    );
  const pushTo = (server: ReturnType<typeof registry>) =>
    pushManifest(connect(server).session, ref, image, { content: () => content, mountFrom: { path: 'base/image' } });

  it.each(['/uploads/', 'mount=', '/manifests/'])('has to be what it was sent, on %s', async (part) => {
    await expect(pushTo(saying(part, OTHER))).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
  });

  it.each(['', 'nonsense', 'sha256:abc', computeDigest(content, nodeHasher, 'sha512')])(
    'counts for nothing when it is %j, which cannot be compared',
    async (digest) => {
      await expect(pushTo(saying('/manifests/', digest))).resolves.toMatchObject({ referrers: undefined });
    },
  );

  it('is no size when it is 0 in an answer without a body', async () => {
    const server = registry(({ method }) => (method === 'HEAD' ? { headers: { 'content-length': '0' } } : undefined));
    expect(await push(connect(server))).toBe('present');
  });

  it('is not a lie about the blob that was asked for', async () => {
    const server = registry(({ method }) => (method === 'HEAD' ? { headers: { 'content-length': '7' } } : undefined));
    await expect(push(connect(server))).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
  });
});

describe('a push that is aborted', () => {
  it.each(['HEAD', 'POST', 'PUT'])('stops at %s with the reason of the caller [B14]', async (method) => {
    const controller = new AbortController();
    const server = registry((request) => {
      if (request.method === method) controller.abort('enough');
      return undefined;
    });
    const { transport } = server;
    const aborting = connect({
      ...server,
      transport: async (request) => {
        const response = await transport(request);
        await response.discard();
        request.signal?.throwIfAborted();
        return response;
      },
    });
    const pushing = pushBlob(aborting.session, ref, blob, { content, signal: controller.signal });
    await expect(pushing).rejects.toBe('enough');
    expect(server.requests.at(-1)?.method).toBe(method);
  });
});
