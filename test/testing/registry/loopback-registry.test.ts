import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { buildImage, buildIndex, createLoopbackRegistry, type LoopbackRegistry } from 'kubepull/testing';
import { assertInvariants, countingSignal, startWatch } from '../../support/invariants.ts';
import { startRegistry } from '../../support/registry.ts';
import { eventually } from '../../support/servers.ts';

const image = buildImage({ layers: [{ files: { 'etc/motd': 'hello\n' } }, { randomBytes: 300_000, seed: 'x' }] });
const layer = image.manifest.layers[1]!;
const layerBytes = image.blobs.get(layer.digest) ?? new Uint8Array();

async function seeded(): Promise<LoopbackRegistry> {
  const registry = await startRegistry();
  registry.push('team/app', ['1', 'latest'], image);
  return registry;
}

const errorCode = async (response: Response): Promise<unknown> => {
  const { errors } = (await response.json()) as { errors: readonly { code: string }[] };
  return errors[0]?.code;
};

/** One request on a connection of its own. */
function exchange(registry: LoopbackRegistry, path: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const request = httpRequest(registry.origin + path, { agent: false, signal }, (response) => {
      response.on('end', () => resolve(response.complete ? 'whole' : 'broken'));
      response.on('error', () => resolve('broken'));
      response.resume();
    });
    request.on('error', () => resolve('broken'));
    request.end();
  });
}

describe('createLoopbackRegistry', () => {
  it('says that it is a registry', async () => {
    const registry = await startRegistry();
    const response = await fetch(`${registry.origin}/v2/`);
    expect(response.status).toBe(200);
    expect(response.headers.get('docker-distribution-api-version')).toBe('registry/2.0');
    expect(registry.origin).toBe(`http://${registry.host}`);
    expect(registry.host).toBe(`127.0.0.1:${registry.port}`);
  });

  it.each(['1', 'latest', image.descriptor.digest])('serves the manifest %s, by GET and HEAD', async (reference) => {
    const registry = await seeded();
    const url = `${registry.origin}/v2/team/app/manifests/${reference}`;
    const [get, head] = [await fetch(url), await fetch(url, { method: 'HEAD' })];
    const bytes = await get.bytes();
    for (const { status, headers } of [get, head]) {
      expect(status).toBe(200);
      expect(headers.get('content-type')).toBe(image.descriptor.mediaType);
      expect(headers.get('content-length')).toBe(String(image.descriptor.size));
      expect(headers.get('docker-content-digest')).toBe(image.descriptor.digest);
    }
    expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(image.descriptor.digest);
    expect(await head.text()).toBe('');
  });

  it('serves everything under an index', async () => {
    const registry = await startRegistry();
    const index = buildIndex([image, buildIndex([image])]);
    registry.push('team/app', '2', index);
    for (const { descriptor, bytes } of index.contents) {
      const kind = /(index|manifest)\.v/.test(descriptor.mediaType) ? 'manifests' : 'blobs';
      const response = await fetch(`${registry.origin}/v2/team/app/${kind}/${descriptor.digest}`);
      expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    }
  });

  it('moves a tag, and keeps what it pointed to by digest', async () => {
    const registry = await seeded();
    const other = buildImage({ layers: [{ files: { other: '' } }], mediaTypes: 'docker' });
    registry.push('team/app', '1', other);
    const digestOf = async (reference: string): Promise<string | null> =>
      (await fetch(`${registry.origin}/v2/team/app/manifests/${reference}`)).headers.get('docker-content-digest');
    expect(await digestOf('1')).toBe(other.descriptor.digest);
    expect(await digestOf('latest')).toBe(image.descriptor.digest);
    registry.push('team/app', [], image);
    expect(await digestOf('1')).toBe(other.descriptor.digest);
  });

  it.each([
    ['team/app/manifests/none', 404, 'MANIFEST_UNKNOWN'],
    [`team/app/manifests/sha256:${'0'.repeat(64)}`, 404, 'MANIFEST_UNKNOWN'],
    [`team/app/manifests/${layer.digest}`, 404, 'MANIFEST_UNKNOWN'],
    ['team/app/manifests/sha256:abc', 400, 'DIGEST_INVALID'],
    [`team/app/blobs/sha256:${'0'.repeat(64)}`, 404, 'BLOB_UNKNOWN'],
    ['team/app/blobs/1', 400, 'DIGEST_INVALID'],
    ['team/other/manifests/1', 404, 'NAME_UNKNOWN'],
    [`team/other/blobs/${layer.digest}`, 404, 'NAME_UNKNOWN'],
    ['__proto__/manifests/1', 400, 'NAME_INVALID'],
    ['Team/app/manifests/1', 400, 'NAME_INVALID'],
    ['team/app/manifests/%zz', 404, 'UNSUPPORTED'],
    ['_catalog', 404, 'UNSUPPORTED'],
  ])('answers %s with %d %s', async (path, status, code) => {
    const registry = await seeded();
    const response = await fetch(`${registry.origin}/v2/${path}`);
    expect(response.status).toBe(status);
    expect(await errorCode(response)).toBe(code);
  });

  it('does not share content between repositories', async () => {
    const registry = await seeded();
    registry.push('team/b', '1', buildImage({ layers: [] }));
    const response = await fetch(`${registry.origin}/v2/team/b/blobs/${layer.digest}`);
    expect([response.status, await errorCode(response)]).toEqual([404, 'BLOB_UNKNOWN']);
  });

  it('takes no other method', async () => {
    const registry = await seeded();
    const response = await fetch(`${registry.origin}/v2/team/app/manifests/1`, { method: 'DELETE' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, PUT']);
    expect((await fetch(`${registry.origin}/token`)).status).toBe(404);
    const large = await fetch(`${registry.origin}/v2/`, { method: 'POST', body: new Uint8Array(4 * 1024 * 1024 + 1) });
    expect(large.status).toBe(413);
  });

  it.each([
    ['bytes=0-', 206, 0, layer.size],
    ['bytes=0-0', 206, 0, 1],
    ['bytes=100-199', 206, 100, 200],
    ['bytes=1000-99999999', 206, 1000, layer.size],
    ['bytes=-10', 206, layer.size - 10, layer.size],
    ['bytes=-99999999', 206, 0, layer.size],
    ['bytes=5-2', 200, 0, layer.size],
    ['bytes=-', 200, 0, layer.size],
    ['bytes=0-1,4-5', 200, 0, layer.size],
    ['lines=0-1', 200, 0, layer.size],
  ])('answers the range %s with %d', async (range, status, start, end) => {
    const registry = await seeded();
    const response = await fetch(`${registry.origin}/v2/team/app/blobs/${layer.digest}`, { headers: { range } });
    expect(response.status).toBe(status);
    const contentRange = status === 206 ? `bytes ${start}-${end - 1}/${layer.size}` : null;
    expect(response.headers.get('content-range')).toBe(contentRange);
    expect(response.headers.get('accept-ranges')).toBe('bytes');
    expect(Buffer.from(await response.arrayBuffer()).equals(layerBytes.subarray(start, end))).toBe(true);
  });

  it.each([`bytes=${layer.size}-`, 'bytes=-0'])('cannot satisfy the range %s', async (range) => {
    const registry = await seeded();
    const response = await fetch(`${registry.origin}/v2/team/app/blobs/${layer.digest}`, { headers: { range } });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, `bytes */${layer.size}`]);
    expect(await errorCode(response)).toBe('RANGE_INVALID');
  });

  it('ignores a range when If-Range names other content', async () => {
    const registry = await seeded();
    const url = `${registry.origin}/v2/team/app/blobs/${layer.digest}`;
    const status = async (etag: string): Promise<number> =>
      (await fetch(url, { headers: { range: 'bytes=5-', 'if-range': etag } })).status;
    expect(await status(`"${layer.digest}"`)).toBe(206);
    expect(await status('"other"')).toBe(200);
  });

  it('lists tags in pages', async () => {
    const registry = await startRegistry();
    registry.push('team/app', ['c', 'a', 'b', 'B', '1'], image);
    const pages: unknown[] = [];
    let next: string | undefined = '/v2/team/app/tags/list?n=2';
    while (next !== undefined) {
      const response: Response = await fetch(registry.origin + next);
      pages.push(await response.json());
      next = /^<(.+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
    }
    const page = (...tags: string[]) => ({ name: 'team/app', tags });
    expect(pages).toEqual([page('1', 'B'), page('a', 'b'), page('c')]);
    const all = await fetch(`${registry.origin}/v2/team/app/tags/list`);
    expect(await all.json()).toEqual(page('1', 'B', 'a', 'b', 'c'));
    const bad = await fetch(`${registry.origin}/v2/team/app/tags/list?n=-1`);
    expect([bad.status, await errorCode(bad)]).toEqual([400, 'PAGINATION_NUMBER_INVALID']);
    expect((await fetch(`${registry.origin}/v2/none/tags/list`)).status).toBe(404);
  });

  it.each([
    ['Team/app', '1'],
    ['team//app', '1'],
    ['', '1'],
    ['a'.repeat(256), '1'],
    ['team/app', ''],
    ['team/app', '-x'],
    ['team/app', 'x'.repeat(129)],
  ])('refuses to push %j with tag %j', async (repository, tag) => {
    const registry = await startRegistry();
    expect(() => registry.push(repository, tag, image)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
    );
  });

  it.each([0, -1, Number.NaN, Infinity])('refuses tokens of %d seconds', async (tokenLifetimeSeconds) => {
    await expect(createLoopbackRegistry({ tokenLifetimeSeconds })).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
    });
  });
});

describe('requests', () => {
  it('tells what came, from whom, and what it got', async () => {
    const registry = await seeded();
    const before = Date.now();
    await fetch(`${registry.origin}/v2/team/app/tags/list?n=1`, {
      method: 'POST',
      body: 'hi',
      headers: { 'X-A': 'b' },
    });
    expect(registry.requests).toHaveLength(1);
    expect(registry.requests[0]).toMatchObject({
      method: 'POST',
      url: '/v2/team/app/tags/list?n=1',
      repository: 'team/app',
      account: undefined,
      status: 405,
    });
    expect(registry.requests[0]?.headers['x-a']).toBe('b');
    expect(Buffer.from(registry.requests[0]?.body ?? []).toString()).toBe('hi');
    expect(registry.requests[0]?.at).toBeGreaterThanOrEqual(before);
  });

  it('keeps a path as it was sent, and every header', async () => {
    const registry = await seeded();
    await new Promise((resolve) => {
      const socket = connect(registry.port, '127.0.0.1');
      socket.once('data', resolve);
      socket.write('GET /v2/team/../x/manifests/1 HTTP/1.1\r\nHost: h\r\nAuthorization: a\r\nAuthorization: b\r\n');
      socket.end('__proto__: c\r\n\r\n');
    });
    expect(registry.requests[0]?.url).toBe('/v2/team/../x/manifests/1');
    expect(Object.entries(registry.requests[0]?.headers ?? {})).toEqual([
      ['host', 'h'],
      ['authorization', 'a, b'],
      ['__proto__', 'c'],
    ]);
  });

  it('has no status for a request that was not answered', async () => {
    const registry = await seeded();
    registry.fault({ action: { kind: 'delay', ms: 60_000 } });
    const leaver = new AbortController();
    const left = expect(fetch(`${registry.origin}/v2/`, { signal: leaver.signal })).rejects.toThrow('aborted');
    await eventually(() => registry.requests.length === 1);
    leaver.abort();
    await left;
    expect(registry.requests.map(({ status }) => status)).toEqual([undefined]);
  });
});

describe('close', () => {
  it('ends every connection, idle, stalled or delayed, and frees the port', async () => {
    const registry = await createLoopbackRegistry();
    registry.push('app', '1', image);
    await (await fetch(`${registry.origin}/v2/`)).text();
    registry.fault({ path: '/v2/app/manifests/1', action: { kind: 'stall' } });
    registry.fault({ path: '/v2/app/manifests/2', action: { kind: 'delay', ms: 60_000 } });
    const hanging = ['1', '2'].map((tag) =>
      fetch(`${registry.origin}/v2/app/manifests/${tag}`).then(
        () => 'answered',
        () => 'ended',
      ),
    );
    while (registry.requests.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(registry.connections).toBeGreaterThan(0);
    await registry.close();
    expect(registry.connections).toBe(0);
    expect(await Promise.all(hanging)).toEqual(['ended', 'ended']);
    await registry.close();
    await expect(fetch(registry.origin)).rejects.toThrow('fetch failed');
  });

  it('leaves nothing behind: no socket, timer, listener or descriptor', async () => {
    const watch = startWatch();
    const counting = countingSignal();
    const registry = await startRegistry();
    registry.push('app', '1', image);
    registry.fault({ path: '/v2/app/manifests/1', action: { kind: 'stall' } });
    registry.fault({ path: /blobs/, action: { kind: 'cut', afterBytes: 10 } });
    registry.fault({ path: '/v2/', action: { kind: 'delay', ms: 60_000 } });
    const paths = ['/v2/', '/v2/app/manifests/1', `/v2/app/blobs/${layer.digest}`, '/v2/app/tags/list'];
    const outcomes = paths.map((path) => exchange(registry, path, counting.signal));
    while (registry.requests.length < paths.length) await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.race(outcomes);
    counting.abort();
    expect((await Promise.all(outcomes)).filter((outcome) => outcome === 'whole').length).toBeLessThanOrEqual(1);
    await assertInvariants({ registries: [registry], signals: [counting], watch });
  });

  it('is what `await using` calls', async () => {
    const registry = await createLoopbackRegistry();
    await registry[Symbol.asyncDispose]();
    await expect(fetch(registry.origin)).rejects.toThrow('fetch failed');
  });

  it('survives clients that go away', async () => {
    const registry = await seeded();
    for (const body of ['', 'x'.repeat(10)]) {
      const request = httpRequest(`${registry.origin}/v2/`, {
        method: 'POST',
        headers: { 'content-length': '1000' },
      });
      request.on('error', () => undefined);
      request.write(`${body} `);
      await new Promise((resolve) => setTimeout(resolve, 20));
      request.destroy();
    }
    expect((await fetch(`${registry.origin}/v2/`)).status).toBe(200);
  });
});
