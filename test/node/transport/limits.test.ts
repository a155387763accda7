import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createFetchTransport } from 'kubepull/distribution';
import { createUndiciTransport } from 'kubepull/node';
import { assertInvariants, startWatch } from '../../support/invariants.ts';
import { amountOf } from '../../support/property-runs.ts';
import { eventually, serve } from '../../support/servers.ts';
import { get, open, read, SENDERS, serveTcp } from './support.ts';

/** Sends one byte again and again, quickly enough for every limit on silence. */
function drip(response: ServerResponse, ms = 10): void {
  response.writeHead(200);
  const again = setInterval(() => response.write('x'), ms);
  response.on('close', () => clearInterval(again));
}

describe.each(SENDERS)('limits of %s [B06]', (sender) => {
  it('end a body that comes byte by byte', async () => {
    const { origin, connections } = await serve((_, response) => drip(response));
    const watch = startWatch();
    const { transport, close } = open({ minBytesPerSecond: 10_000, minRateWindowMs: 300, bodyTimeoutMs: 5000 }, sender);
    const response = await transport(get(origin));
    await expect(read(response)).rejects.toMatchObject({
      message: `Cannot GET ${origin}/: the answer came too slowly`,
      phase: 'body',
      retryable: true,
    });
    await eventually(() => connections() === 0);
    await close();
    await assertInvariants({ watch, graceMs: 10_000 });
  });

  it('end it also when it was quick at first', async () => {
    const { origin } = await serve((_, response) => {
      drip(response);
      response.write(Buffer.alloc(1024 * 1024));
    });
    const { transport } = open({ minBytesPerSecond: 10_000, minRateWindowMs: 300 }, sender);
    await expect(read(await transport(get(origin)))).rejects.toMatchObject({ phase: 'body', retryable: true });
  });

  it('let a slow body pass that is quick enough, or may be as slow as it likes', async () => {
    const { origin } = await serve((_, response) => {
      response.writeHead(200);
      let left = 20;
      const again = setInterval(() => (left-- > 0 ? response.write('x'.repeat(1000)) : response.end()), 20);
      response.on('close', () => clearInterval(again));
    });
    for (const minBytesPerSecond of [100, 0]) {
      const { transport } = open({ minBytesPerSecond, minRateWindowMs: 300 }, sender);
      expect((await read(await transport(get(origin)))).length).toBe(20_000);
    }
  });

  it.each(['undici', 'fetch'])('end the wait for an answer: %s', async (kind) => {
    const { url } = await serveTcp(() => undefined);
    const limits = { headersTimeoutMs: 200 };
    const transport = kind === 'fetch' ? createFetchTransport(fetch, limits) : open(limits, sender).transport;
    await expect(transport(get(url))).rejects.toMatchObject({ code: 'ERR_TRANSPORT', retryable: true });
  });

  it('say that the answer did not begin', async () => {
    const { url } = await serveTcp((socket) => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'));
    await expect(open({ headersTimeoutMs: 100 }, sender).transport(get(url))).rejects.toMatchObject({
      message: `Cannot GET ${url}: the answer did not begin in time`,
      phase: 'headers',
    });
  });

  it('end the attempt to connect', async () => {
    const { transport } = open({ lookup: () => new Promise(() => undefined), connectTimeoutMs: 100 }, sender);
    await expect(transport(get('http://r.test/'))).rejects.toMatchObject({ phase: 'connect', retryable: true });
  });
});

describe('limits [B06]', () => {
  it('do not blame the sender for a slow reader', async () => {
    const { origin } = await serve((_, response) => response.end(Buffer.alloc(4 * 1024 * 1024)));
    const { transport } = open({ minBytesPerSecond: 100_000, minRateWindowMs: 300, bodyTimeoutMs: 5000 });
    const { body } = await transport(get(origin));
    let length = 0;
    let pauses = 0;
    for await (const chunk of body) {
      length += chunk.length;
      if (length > pauses * 1024 * 1024 && pauses < 2) {
        pauses += 1;
        await new Promise((resolve) => setTimeout(resolve, 900));
      }
    }
    expect(length).toBe(4 * 1024 * 1024);
  });

  it('begin anew with each piece of the request that the server takes', async () => {
    const { origin } = await serve((request, response) => void request.pipe(response));
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      for (let count = 0; count < 6; count += 1) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        yield new TextEncoder().encode('abc');
      }
    };
    const { transport } = open({ headersTimeoutMs: 2000 });
    const reply = await transport({ ...get(origin), method: 'PUT', body: slow() });
    expect(await read(reply)).toBe('abc'.repeat(6));
  });

  it.each(['idle', 'rate'] as const)('hold over fetch, too: %s', async (limit) => {
    const { origin } = await serve((_, response) => {
      if (limit === 'rate') drip(response);
      else response.writeHead(200).write('abc');
    });
    const limits = limit === 'rate' ? { minBytesPerSecond: 10_000, minRateWindowMs: 200 } : { bodyTimeoutMs: 200 };
    const response = await createFetchTransport(fetch, limits)(get(origin));
    await expect(read(response)).rejects.toMatchObject({ phase: 'body', retryable: true });
  });

  it.each([
    { minBytesPerSecond: -1 },
    { minBytesPerSecond: 0.5 },
    { minRateWindowMs: 0 },
    { bodyTimeoutMs: Number.NaN },
  ])('are whole numbers, not %j', (limits) => {
    const invalid = expect.objectContaining({ code: 'ERR_OPTION_INVALID' });
    expect(() => createUndiciTransport(limits)).toThrow(invalid);
    expect(() => createFetchTransport(fetch, limits)).toThrow(invalid);
  });
});

describe('a slow reader [B13]', () => {
  it('holds the sender up, with less than 1 MiB on the way', async () => {
    let sent = 0;
    const { origin } = await serve((_, response) => {
      response.writeHead(200, { 'content-length': String(64 * 1024 * 1024) });
      const piece = Buffer.alloc(64 * 1024);
      const send = (): void => {
        while (sent < 64 * 1024 * 1024) {
          sent += piece.length;
          if (!response.write(piece)) return void response.once('drain', send);
        }
        response.end();
      };
      send();
    });
    const response = await open().transport(get(origin));
    const before = process.memoryUsage();
    let settled = -1;
    while (sent !== settled) {
      settled = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    // What the kernel holds of a connection is not ours.
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(1024 * 1024);
    expect(sent).toBeLessThan(32 * 1024 * 1024);
    expect((await read(response)).length).toBe(64 * 1024 * 1024);
  });

  it('does not let single bytes fill memory [M04]', async () => {
    const bytes = amountOf({ here: 1_500_000, inCi: 5_000_000 });
    let sent = 0;
    const { url } = await serveTcp((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      const piece = '1\r\nx\r\n'.repeat(10_000);
      const send = (): void => {
        while (sent < bytes) {
          sent += 10_000;
          if (!socket.write(piece)) return void socket.once('drain', send);
        }
        socket.write('0\r\n\r\n');
      };
      send();
    });
    const response = await open().transport(get(url));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(sent).toBeLessThan(bytes);
    let length = 0;
    for await (const chunk of response.body) length += chunk.length;
    expect(length).toBe(bytes);
  });
});

describe('bodies that nobody reads [B12]', () => {
  it('leave the transport usable, whatever became of them', async () => {
    const statuses = [401, 307, 404, 500, 200];
    let asked = 0;
    const { origin, connections } = await serve((request, response) => {
      if (request.url === '/good') return void response.end('good');
      response.writeHead(statuses[(asked += 1) % statuses.length] ?? 200, { location: '/' });
      response.write('x'.repeat(asked % 2 === 0 ? 100 : 100_000));
      if (asked % 3 > 0) response.end();
    });
    const watch = startWatch();
    const { transport, close } = open();
    await Promise.all(
      Array.from({ length: 100 }, async (_, place) => {
        const controller = new AbortController();
        const response = await transport(get(origin, { signal: controller.signal }));
        if (place % 4 === 0) controller.abort();
        else if (place % 4 === 1) for await (const chunk of response.body) if (chunk.length > 0) break;
        await response.discard();
      }),
    );
    expect(await read(await transport(get(`${origin}/good`)))).toBe('good');
    await close();
    await eventually(() => connections() === 0);
    await assertInvariants({ watch, graceMs: 10_000 });
  });
});
