import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { buildImage, type LoopbackRegistry } from 'kubepull/testing';
import { canary } from '../../support/canary.ts';
import { startRegistry } from '../../support/registry.ts';

const image = buildImage({ layers: [{ files: { 'etc/motd': 'hello\n' } }, { randomBytes: 100_000, seed: 'push' }] });
const layer = image.manifest.layers[1]!;
const bytes = image.blobs.get(layer.digest) ?? new Uint8Array();
const manifestBytes = image.blobs.get(image.descriptor.digest) ?? new Uint8Array();
const UPLOADS = '/v2/team/app/blobs/uploads/';
const ZEROS = `sha256:${'0'.repeat(64)}`;

interface Sent {
  readonly method?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request, by a client that resolves locations as they are. */
async function send(registry: LoopbackRegistry, path: string, { method = 'POST', body, headers }: Sent = {}) {
  const init = { method, ...(body === undefined ? {} : { body }), ...(headers === undefined ? {} : { headers }) };
  const response = await fetch(new URL(path, registry.origin), init as RequestInit);
  const text = await response.text();
  const [error] = text.startsWith('{"errors"') ? (JSON.parse(text) as { errors: { code: string }[] }).errors : [];
  return { status: response.status, headers: response.headers, code: error?.code };
}

/** The URL that ends an upload: the digest joins the query that is there. */
function withDigest(location: string | null, digest: string): string {
  const url = new URL(location ?? '', 'http://any');
  url.searchParams.append('digest', digest);
  return url.pathname + url.search;
}

async function startUpload(registry: LoopbackRegistry, path = UPLOADS): Promise<string> {
  const { status, headers } = await send(registry, path);
  expect(status).toBe(202);
  return headers.get('location') ?? '';
}

async function pushBlobs(registry: LoopbackRegistry, repository: string): Promise<void> {
  for (const [digest, body] of image.blobs) {
    if (digest === image.descriptor.digest) continue;
    const location = await startUpload(registry, `/v2/${repository}/blobs/uploads/`);
    expect((await send(registry, withDigest(location, digest), { method: 'PUT', body })).status).toBe(201);
  }
}

const putManifest = (registry: LoopbackRegistry, reference: string, sent: Sent = {}) =>
  send(registry, `/v2/team/app/manifests/${reference}`, {
    method: 'PUT',
    body: manifestBytes,
    headers: { 'content-type': image.descriptor.mediaType },
    ...sent,
  });

async function isServed(registry: LoopbackRegistry, repository: string, digest: string): Promise<boolean> {
  return (await fetch(`${registry.origin}/v2/${repository}/blobs/${digest}`, { method: 'HEAD' })).ok;
}

describe('blob uploads', () => {
  it('takes a blob in one PUT', async () => {
    const registry = await startRegistry();
    const location = await startUpload(registry);
    const { status, headers } = await send(registry, withDigest(location, layer.digest), {
      method: 'PUT',
      body: bytes,
    });
    expect([status, headers.get('docker-content-digest')]).toEqual([201, layer.digest]);
    const served = await fetch(new URL(headers.get('location') ?? '', registry.origin));
    expect(Buffer.from(await served.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it('takes a blob in parts, and tells how far it is', async () => {
    const registry = await startRegistry();
    let location = await startUpload(registry);
    for (const [start, end] of [
      [0, 60_000],
      [60_000, bytes.length - 10],
    ] as const) {
      const sent = await send(registry, location, {
        method: 'PATCH',
        body: bytes.subarray(start, end),
        headers: { 'content-range': `${start}-${end - 1}` },
      });
      expect([sent.status, sent.headers.get('range')]).toEqual([202, `0-${end - 1}`]);
      location = sent.headers.get('location') ?? '';
      const state = await send(registry, location, { method: 'GET' });
      expect([state.status, state.headers.get('range')]).toEqual([204, `0-${end - 1}`]);
    }
    const rest = { method: 'PUT', body: bytes.subarray(bytes.length - 10) };
    expect((await send(registry, withDigest(location, layer.digest), rest)).status).toBe(201);
    expect(await isServed(registry, 'team/app', layer.digest)).toBe(true);
  });

  it('takes a part of a stream, without a range', async () => {
    const registry = await startRegistry();
    const { headers } = await send(registry, await startUpload(registry), { method: 'PATCH', body: bytes });
    const location = withDigest(headers.get('location'), layer.digest);
    expect((await send(registry, location, { method: 'PUT' })).status).toBe(201);
  });

  it.each(['5-9', '0-3', '1-5', 'bytes 0-4/5'])('refuses a part out of place: %s', async (range) => {
    const registry = await startRegistry();
    const location = await startUpload(registry);
    const sent = await send(registry, location, {
      method: 'PATCH',
      body: 'hello',
      headers: { 'content-range': range },
    });
    expect([sent.status, sent.code, sent.headers.get('location')]).toEqual([416, 'BLOB_UPLOAD_INVALID', location]);
  });

  it('takes a blob with the first request', async () => {
    const registry = await startRegistry();
    const { status } = await send(registry, `${UPLOADS}?digest=${layer.digest}`, { body: bytes });
    expect(status).toBe(201);
    expect(await isServed(registry, 'team/app', layer.digest)).toBe(true);
  });

  it('takes a blob by SHA-512', async () => {
    const registry = await startRegistry();
    const digest = `sha512:${createHash('sha512').update('hello').digest('hex')}`;
    expect((await send(registry, `${UPLOADS}?digest=${digest}`, { body: 'hello' })).status).toBe(201);
    expect(await isServed(registry, 'team/app', digest)).toBe(true);
  });

  it.each([
    ['another digest', ZEROS],
    ['what is none', 'sha256:abc'],
  ])('refuses %s, and keeps nothing', async (_, digest) => {
    const registry = await startRegistry();
    const location = await startUpload(registry);
    const sent = await send(registry, withDigest(location, digest), { method: 'PUT', body: bytes });
    expect([sent.status, sent.code]).toEqual([400, 'DIGEST_INVALID']);
    const at = `${UPLOADS}?digest=${encodeURIComponent(digest)}`;
    expect((await send(registry, at, { body: bytes })).code).toBe('DIGEST_INVALID');
    expect(await isServed(registry, 'team/app', layer.digest)).toBe(false);
  });

  it('takes more than a document may have', async () => {
    const registry = await startRegistry();
    const large = new Uint8Array(5 * 1024 * 1024);
    const digest = `sha256:${createHash('sha256').update(large).digest('hex')}`;
    expect((await send(registry, `${UPLOADS}?digest=${digest}`, { body: large })).status).toBe(201);
  });

  it('knows only uploads of the repository, in their last state, that are not over', async () => {
    const registry = await startRegistry();
    const location = await startUpload(registry);
    const unknown = async (path: string): Promise<unknown> => (await send(registry, path, { method: 'GET' })).code;
    expect(await unknown(location)).toBe(undefined);
    expect(await unknown(location.replace('team/app', 'team/b'))).toBe('BLOB_UPLOAD_UNKNOWN');
    expect(await unknown(location.replace(/\?.*/, ''))).toBe('BLOB_UPLOAD_UNKNOWN');
    expect(await unknown(`${UPLOADS}none`)).toBe('BLOB_UPLOAD_UNKNOWN');
    const { headers } = await send(registry, location, { method: 'PATCH', body: 'hello' });
    expect(await unknown(location)).toBe('BLOB_UPLOAD_UNKNOWN');
    const next = headers.get('location') ?? '';
    expect((await send(registry, next, { method: 'DELETE' })).status).toBe(204);
    expect(await unknown(next)).toBe('BLOB_UPLOAD_UNKNOWN');
  });
});

describe('mounts', () => {
  it('mounts a blob of another repository', async () => {
    const registry = await startRegistry();
    registry.push('team/b', '1', image);
    const sent = await send(registry, `${UPLOADS}?mount=${layer.digest}&from=team/b`);
    expect([sent.status, sent.headers.get('location')]).toEqual([201, `/v2/team/app/blobs/${layer.digest}`]);
    expect(await isServed(registry, 'team/app', layer.digest)).toBe(true);
  });

  it.each([`mount=${layer.digest}&from=team/c`, `mount=${ZEROS}&from=team/b`, `mount=${layer.digest}`])(
    'starts an upload where it cannot: %s',
    async (query) => {
      const registry = await startRegistry();
      registry.push('team/b', '1', image);
      expect((await send(registry, `${UPLOADS}?${query}`)).status).toBe(202);
      expect(await isServed(registry, 'team/app', layer.digest)).toBe(false);
    },
  );

  it('does not mount what the client may not pull, and asks for both scopes', async () => {
    const [mine, other] = [canary('password'), canary('password')];
    const registry = await startRegistry({
      auth: {
        'team/': { type: 'bearer', accounts: [{ username: 'mine', password: mine }] },
        'secret/': { type: 'bearer', accounts: [{ username: 'other', password: other }] },
      },
    });
    registry.push('secret/b', '1', image);
    const path = `${UPLOADS}?mount=${layer.digest}&from=secret/b`;
    const scope = 'repository:team/app:pull,push repository:secret/b:pull';
    expect((await send(registry, path)).headers.get('www-authenticate')).toContain(`scope="${scope}"`);
    const token = await fetchToken(registry, 'mine', mine, scope);
    expect((await send(registry, path, { headers: { authorization: `Bearer ${token}` } })).status).toBe(202);
  });
});

describe('PUT of a manifest', () => {
  it.each(['1', image.descriptor.digest])('takes it as %s, and serves it', async (reference) => {
    const registry = await startRegistry();
    await pushBlobs(registry, 'team/app');
    const { status, headers } = await putManifest(registry, reference);
    expect([status, headers.get('docker-content-digest')]).toEqual([201, image.descriptor.digest]);
    const served = await fetch(`${registry.origin}/v2/team/app/manifests/${reference}`);
    expect(served.headers.get('content-type')).toBe(image.descriptor.mediaType);
    expect(Buffer.from(await served.arrayBuffer()).equals(manifestBytes)).toBe(true);
  });

  it('wants all that it names first', async () => {
    const registry = await startRegistry();
    const sent = await putManifest(registry, '1');
    expect([sent.status, sent.code]).toEqual([404, 'MANIFEST_BLOB_UNKNOWN']);
    expect((await fetch(`${registry.origin}/v2/team/app/manifests/1`)).status).toBe(404);
  });

  it('does not want a foreign layer', async () => {
    const registry = await startRegistry();
    await pushBlobs(registry, 'team/app');
    const [first] = image.manifest.layers;
    const foreign = { ...first, digest: ZEROS, urls: ['https://example.com/layer'] };
    const body = JSON.stringify({ ...image.manifest, layers: [foreign] });
    expect((await putManifest(registry, '1', { body })).status).toBe(201);
  });

  it.each([
    ['another digest', ZEROS, {}, 'DIGEST_INVALID'],
    ['a bad reference', '-x', {}, 'MANIFEST_INVALID'],
    [
      'another type',
      '1',
      { headers: { 'content-type': 'application/vnd.oci.image.index.v1+json' } },
      'MANIFEST_INVALID',
    ],
    ['no type', '1', { headers: { 'content-type': 'application/json' } }, 'MANIFEST_INVALID'],
    ['no JSON', '1', { body: '{' }, 'MANIFEST_INVALID'],
    ['no object', '1', { body: '[]' }, 'MANIFEST_INVALID'],
    ['no descriptors', '1', { body: '{"layers":[1]}' }, 'MANIFEST_INVALID'],
    ['no config', '1', { body: '{"config":"x"}' }, 'MANIFEST_INVALID'],
  ])('refuses %s', async (_, reference, sent, code) => {
    const registry = await startRegistry();
    await pushBlobs(registry, 'team/app');
    const answer = await putManifest(registry, reference, sent);
    expect([answer.status, answer.code]).toEqual([400, code]);
  });
});

async function fetchToken(registry: LoopbackRegistry, user: string, password: string, scope: string): Promise<string> {
  const query = new URLSearchParams([
    ['service', 'loopback-registry'],
    ...scope.split(' ').map((one) => ['scope', one]),
  ] as string[][]);
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const response = await fetch(`${registry.origin}/token?${query.toString()}`, { headers: { authorization } });
  return ((await response.json()) as { token: string }).token;
}

describe('who may push', () => {
  it('needs the scope, and an account that may', async () => {
    const [writer, reader] = [canary('password'), canary('password')];
    const accounts = [
      { username: 'writer', password: writer },
      { username: 'reader', password: reader, push: false },
    ];
    const registry = await startRegistry({ auth: { 'team/': { type: 'bearer', accounts, anonymousPull: true } } });
    const challenge = (await send(registry, UPLOADS)).headers.get('www-authenticate');
    expect(challenge).toContain('scope="repository:team/app:pull,push"');
    const start = async (user: string, password: string, actions: string) => {
      const token = await fetchToken(registry, user, password, `repository:team/app:${actions}`);
      const { status, headers } = await send(registry, UPLOADS, { headers: { authorization: `Bearer ${token}` } });
      return [status, headers.get('www-authenticate')?.includes('insufficient_scope') ?? false];
    };
    expect(await start('writer', writer, 'pull,push')).toEqual([202, false]);
    expect(await start('writer', writer, 'pull')).toEqual([401, true]);
    expect(await start('reader', reader, 'pull,push')).toEqual([403, false]);
  });

  it('needs an account with Basic, also where anybody may pull', async () => {
    const [writer, reader] = [canary('password'), canary('password')];
    const accounts = [
      { username: 'writer', password: writer },
      { username: 'reader', password: reader, push: false },
    ];
    const registry = await startRegistry({ auth: { '': { type: 'basic', accounts, anonymousPull: true } } });
    registry.push('team/app', '1', image);
    const start = async (user?: string, password?: string) => {
      const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
      return (await send(registry, UPLOADS, user === undefined ? {} : { headers: { authorization } })).status;
    };
    expect([await start(), await start('reader', reader), await start('writer', writer)]).toEqual([401, 403, 202]);
    expect(await isServed(registry, 'team/app', layer.digest)).toBe(true);
  });
});
