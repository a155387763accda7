import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createFetchTransport, type Transport } from 'kubepull/distribution';
import { eventually, serve } from '../../support/servers.ts';
import { get, open, read, serveTcp } from './support.ts';

const TRANSPORTS: readonly [string, () => Transport][] = [
  ['undici', () => open().transport],
  ['fetch', () => createFetchTransport()],
];

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A server that answers with what it got: method, length header, transfer encoding, and the hash of the body. */
function serveDigest() {
  return serve((request, response) => {
    const hash = createHash('sha256');
    request.on('data', (chunk: Buffer) => hash.update(chunk));
    request.on('end', () => {
      const { 'content-length': length = '-', 'transfer-encoding': coding = '-' } = request.headers;
      response.end([request.method, length, coding, hash.digest('hex')].join(' '));
    });
  });
}

async function* pieces(
  bytes: Uint8Array,
  size: number,
  onEnd: () => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  try {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  } finally {
    onEnd();
  }
}

describe.each(TRANSPORTS)('a body over %s', (_, create) => {
  const bytes = randomBytes(1_000_000);

  it('is sent from memory with its length', async () => {
    const { origin } = await serveDigest();
    const transport = create();
    for (const body of [bytes, bytes.subarray(0, 10), new Uint8Array(0)]) {
      const expected = `PATCH ${body.length} - ${sha256(body)}`;
      expect(await read(await transport({ ...get(origin), method: 'PATCH', body }))).toBe(expected);
    }
  });

  it('is sent as it comes', async () => {
    const { origin } = await serveDigest();
    const body = pieces(bytes, 30_000);
    expect(await read(await create()({ ...get(origin), method: 'PATCH', body }))).toBe(
      `PATCH - chunked ${sha256(bytes)}`,
    );
  });

  it('is not ended in good order when its source fails, and the failure is told', async () => {
    let whole = 0;
    const { origin } = await serve((request) => void request.on('end', () => (whole += 1)).resume());
    const reason = new Error('the disk is gone');
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes;
      throw reason;
    };
    await expect(create()({ ...get(origin), method: 'PUT', body: failing() })).rejects.toBe(reason);
    expect(whole).toBe(0);
  });

  it('is given up when the request is aborted', async () => {
    const { url } = await serveTcp(() => undefined);
    const controller = new AbortController();
    const reason = new Error('enough');
    let ended = false;
    const body = pieces(new Uint8Array(64 * 1024 * 1024), 65_536, () => void (ended = true));
    const settled = expect(create()({ ...get(url), method: 'PUT', body, signal: controller.signal })).rejects.toBe(
      reason,
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    controller.abort(reason);
    await settled;
    await eventually(() => ended);
  });
});

describe('a body over undici', () => {
  it('is sent under the length that the caller names', async () => {
    const { origin } = await serveDigest();
    const bytes = randomBytes(100_000);
    const request = { ...get(origin), method: 'PUT' as const, headers: { 'content-length': '100000' } };
    const { transport } = open();
    expect(await read(await transport({ ...request, body: pieces(bytes, 7000) }))).toBe(
      `PUT 100000 - ${sha256(bytes)}`,
    );
    const headers = { 'Content-Length': '100000' };
    expect(await read(await transport({ ...request, headers, body: bytes }))).toBe(`PUT 100000 - ${sha256(bytes)}`);
    for (const wrong of [99_999, 100_001]) {
      const body = pieces(randomBytes(wrong), 7000);
      await expect(transport({ ...request, body })).rejects.toMatchObject({ code: 'ERR_TRANSPORT', retryable: false });
    }
  });

  it('is read only as fast as the server takes it', async () => {
    let given = 0;
    const { url } = await serveTcp((socket) => void socket.pause());
    const source = async function* (): AsyncGenerator<Uint8Array> {
      for (; given < 1000; given += 1) yield new Uint8Array(65_536);
    };
    const { transport, close } = open();
    const pending = transport({ ...get(url), method: 'PUT', body: source() }).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(given).toBeLessThan(300);
    await close();
    await expect(pending).resolves.toMatchObject({ code: 'ERR_TRANSPORT' });
  });

  it('ends early when the server answers early', async () => {
    const { origin } = await serve((_, response) => void response.writeHead(401).end('no'));
    let ended = false;
    const body = pieces(new Uint8Array(64 * 1024 * 1024), 65_536, () => void (ended = true));
    const response = await open().transport({ ...get(origin), method: 'PUT', body });
    expect(response.status).toBe(401);
    await response.discard();
    await eventually(() => ended);
  });
});
