import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { buildImage, createFakeClock, type LoopbackRegistry } from 'kubepull/testing';
import { startRegistry } from '../../support/registry.ts';

const image = buildImage({ layers: [{ randomBytes: 500_000, seed: 'x' }] });
const layer = image.manifest.layers[0]!;
const layerBytes = image.blobs.get(layer.digest) ?? new Uint8Array();
const BLOB = `/v2/app/blobs/${layer.digest}`;
const MANIFEST = '/v2/app/manifests/1';

async function seeded(): Promise<LoopbackRegistry> {
  const registry = await startRegistry();
  registry.push('app', '1', image);
  return registry;
}

interface Received {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly end: 'whole' | 'broken' | 'silent';
}

/** Reads what comes until it ends, breaks or falls silent. */
function get(
  registry: LoopbackRegistry,
  path: string,
  headers: Record<string, string> = {},
  silenceMs = 10_000,
): Promise<Received> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let answer: Pick<Received, 'status' | 'headers'> = { status: undefined, headers: {} };
    const finish = (end: Received['end']): void => {
      resolve({ ...answer, body: Buffer.concat(chunks), end });
      request.destroy();
    };
    const request = httpRequest(registry.origin + path, { headers, agent: false }, (response) => {
      answer = { status: response.statusCode, headers: response.headers };
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => finish(response.complete ? 'whole' : 'broken'));
      response.on('error', () => finish('broken'));
    });
    request.on('error', () => finish('broken'));
    request.setTimeout(silenceMs, () => finish('silent'));
    request.end();
  });
}

describe('fault', () => {
  it('status: answers with another status, with headers and a body', async () => {
    const registry = await seeded();
    const headers = { 'Retry-After': '7', 'Content-Length': '4' };
    registry.fault({ action: { kind: 'status', status: 429, headers, body: 'slow' } });
    const received = await get(registry, MANIFEST);
    expect(received).toMatchObject({ status: 429, end: 'whole' });
    expect([received.headers['retry-after'], received.body.toString()]).toEqual(['7', 'slow']);
    expect(registry.requests[0]?.status).toBe(429);
  });

  it('header: sets, repeats and removes', async () => {
    const registry = await seeded();
    registry.fault({ action: { kind: 'header', name: 'Docker-Content-Digest', value: 'sha256:lie' } });
    registry.fault({ action: { kind: 'header', name: 'Warning', value: ['299 - "a"', '299 - "b"'] } });
    registry.fault({ path: BLOB, action: { kind: 'header', name: 'content-length' } });
    const manifest = await get(registry, MANIFEST);
    expect(manifest.headers['docker-content-digest']).toBe('sha256:lie');
    expect(manifest.headers['warning']).toBe('299 - "a", 299 - "b"');
    const blob = await get(registry, BLOB);
    expect([blob.headers['content-length'], blob.headers['transfer-encoding']]).toEqual([undefined, 'chunked']);
    expect(blob.body.equals(layerBytes)).toBe(true);
  });

  it('header: says what the test did wrong', async () => {
    const registry = await seeded();
    registry.fault({ action: { kind: 'header', name: 'x', value: 'a\r\nb' } });
    const received = await get(registry, MANIFEST);
    expect([received.status, received.body.toString()]).toEqual([500, expect.stringContaining('Invalid character')]);
  });

  it('delay: waits by the clock of the registry', async () => {
    const clock = createFakeClock();
    const registry = await startRegistry({ clock });
    registry.fault({ times: 1, action: { kind: 'delay', ms: 5000 } });
    const answer = get(registry, '/v2/');
    while (clock.pending === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(registry.requests[0]?.status).toBe(undefined);
    await clock.advance(5000);
    expect(await answer).toMatchObject({ status: 200, end: 'whole' });
  });

  it.each([
    ['stall', undefined, undefined, 0, 'silent'],
    ['stall', 0, 200, 0, 'silent'],
    ['stall', 1000, 200, 1000, 'silent'],
    ['stall', 400_000, 200, 400_000, 'silent'],
    ['cut', 0, 200, 0, 'broken'],
    ['cut', 1, 200, 1, 'broken'],
    ['cut', 400_000, 200, 400_000, 'broken'],
  ] as const)('%s after %s bytes', async (kind, afterBytes, status, bytes, end) => {
    const registry = await seeded();
    const action = kind === 'cut' ? { kind, afterBytes } : { kind, afterBytes };
    registry.fault({ path: BLOB, action });
    const received = await get(registry, BLOB, {}, end === 'silent' ? 500 : undefined);
    expect(received).toMatchObject({ status, end });
    expect(received.body.equals(layerBytes.subarray(0, bytes))).toBe(true);
    if (status === 200) expect(received.headers['content-length']).toBe(String(layer.size));
  });

  it('flip: inverts one byte of the content, in the range that has it', async () => {
    const registry = await seeded();
    registry.fault({ path: BLOB, action: { kind: 'flip', offset: 1000 } });
    const wrong = Buffer.from(layerBytes);
    wrong[1000] = (wrong[1000] ?? 0) ^ 0xff;
    expect((await get(registry, BLOB)).body.equals(wrong)).toBe(true);
    const range = async (value: string): Promise<Buffer> => (await get(registry, BLOB, { range: value })).body;
    expect((await range('bytes=900-1099')).equals(wrong.subarray(900, 1100))).toBe(true);
    expect((await range('bytes=1001-1099')).equals(layerBytes.subarray(1001, 1100))).toBe(true);
    // The content itself stays as it is.
    expect(image.blobs.get(layer.digest)?.[1000]).toBe((wrong[1000] ?? 0) ^ 0xff);
  });

  it('redirect: sends the client elsewhere', async () => {
    const registry = await seeded();
    registry.fault({ times: 1, action: { kind: 'redirect', location: 'http://cdn.example/x' } });
    registry.fault({ nth: 2, action: { kind: 'redirect', location: '/y', status: 302 } });
    const [first, second] = [await get(registry, BLOB), await get(registry, BLOB)];
    expect([first.status, first.headers.location, first.body.length]).toEqual([307, 'http://cdn.example/x', 0]);
    expect([second.status, second.headers.location]).toEqual([302, '/y']);
  });

  it('challenge: asks for other credentials', async () => {
    const registry = await seeded();
    registry.fault({ action: { kind: 'challenge', challenge: ['Basic realm="a"', 'Bearer realm="b"'] } });
    const received = await get(registry, MANIFEST);
    expect([received.status, received.headers['www-authenticate']]).toEqual([401, 'Basic realm="a", Bearer realm="b"']);
  });

  it('hits by method, path, place and number', async () => {
    const registry = await seeded();
    const action = { kind: 'status', status: 503 } as const;
    const second = registry.fault({ method: 'get', path: MANIFEST, nth: 2, times: 2, action });
    const statuses: (number | undefined)[] = [];
    for (const path of [MANIFEST, `${MANIFEST}?x=1`, BLOB, MANIFEST, MANIFEST]) {
      statuses.push((await get(registry, path)).status);
    }
    expect(statuses).toEqual([200, 503, 200, 503, 200]);
    expect(second.hits).toBe(2);
    const head = registry.fault({ method: 'HEAD', action });
    expect((await get(registry, MANIFEST)).status).toBe(200);
    expect((await fetch(registry.origin + MANIFEST, { method: 'HEAD' })).status).toBe(503);
    expect(head.hits).toBe(1);
  });

  it('looks for a pattern in path and query, whatever its flags', async () => {
    const registry = await seeded();
    const fault = registry.fault({ path: /tags.*n=5/g, action: { kind: 'status', status: 500 } });
    for (let count = 0; count < 3; count += 1) {
      expect((await get(registry, '/v2/app/tags/list?n=5')).status).toBe(500);
    }
    expect((await get(registry, '/v2/app/tags/list?n=6')).status).toBe(200);
    expect(fault.hits).toBe(3);
    fault.remove();
    expect((await get(registry, '/v2/app/tags/list?n=5')).status).toBe(200);
  });

  it('applies several faults in their order', async () => {
    const registry = await seeded();
    registry.fault({ path: BLOB, action: { kind: 'flip', offset: 0 } });
    registry.fault({ path: BLOB, action: { kind: 'cut', afterBytes: 2 } });
    const received = await get(registry, BLOB);
    expect([...received.body]).toEqual([0x1f ^ 0xff, 0x8b]);
  });

  it.each([{ nth: 0 }, { nth: 1.5 }, { times: 0 }, { times: Number.NaN }, { times: -1 }])(
    'refuses %j',
    async (counts) => {
      const registry = await startRegistry();
      expect(() => registry.fault({ ...counts, action: { kind: 'delay', ms: 1 } })).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
      );
    },
  );
});
