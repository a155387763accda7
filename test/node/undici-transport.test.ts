import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { TransportRequest, TransportResponse } from 'kubepull/distribution';
import { createUndiciTransport, type UndiciTransportOptions } from 'kubepull/node';
import { canary } from '../support/canary.ts';

async function serve(
  listener: RequestListener,
): Promise<{ readonly origin: string; readonly port: number; connections(): number }> {
  const sockets = new Set<Socket>();
  const server = createServer(listener);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, port, connections: () => sockets.size };
}

/** A server that writes bytes of its own and answers nothing else. */
async function serveRaw(bytes: string, end = true): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => (end ? socket.end(bytes) : socket.write(bytes)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function open(options: UndiciTransportOptions = {}) {
  const opened = createUndiciTransport(options);
  onTestFinished(opened.close);
  return opened;
}

const get = (url: string, more: Partial<TransportRequest> = {}): TransportRequest => ({
  method: 'GET',
  url,
  headers: {},
  ...more,
});

async function read({ body }: TransportResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('createUndiciTransport', () => {
  it('sends a request as it is, and gives the answer as it is', async () => {
    const { origin } = await serve((request, response) => {
      response.writeHead(307, { location: '/elsewhere', 'x-twice': ['a', 'b'], 'content-encoding': 'gzip' });
      response.end(`${request.method ?? ''} ${request.url ?? ''} ${String(request.headers['x-own'])}`);
    });
    const response = await open().transport(get(`${origin}/a?b=c`, { headers: { 'x-own': 'yes' } }));
    expect(response.status).toBe(307);
    expect(response.headers.get('x-twice')).toEqual(['a', 'b']);
    expect(response.headers.get('location')).toEqual(['/elsewhere']);
    expect(response.remoteAddress).toBe('127.0.0.1');
    expect(await read(response)).toBe('GET /a?b=c yes');
  });

  it('posts a body', async () => {
    const { origin } = await serve((request, response) => void request.pipe(response));
    const body = new TextEncoder().encode('grant_type=refresh_token');
    expect(await read(await open().transport({ ...get(origin), method: 'POST', body }))).toBe(
      'grant_type=refresh_token',
    );
  });

  it('A08 dials only addresses of the allowed classes, whatever a name resolves to', async () => {
    const { port } = await serve((_, response) => response.end('inner'));
    const asked: string[] = [];
    for (const addresses of [
      ['127.0.0.1'],
      ['169.254.169.254'],
      ['10.0.0.1', '127.0.0.1'],
      ['::1'],
      ['::ffff:127.0.0.1'],
    ]) {
      const { transport } = open({
        lookup: async (hostname) => {
          asked.push(hostname);
          return addresses;
        },
      });
      const request = get(`http://auth.test:${port}/token`, { allowAddresses: ['public'] });
      await expect(transport(request)).rejects.toMatchObject({ code: 'ERR_REQUEST_REFUSED', rule: 'address-class' });
    }
    expect(asked).toEqual(Array(5).fill('auth.test'));
  });

  it('A08 picks the allowed ones of a mixed list', async () => {
    const { port } = await serve((_, response) => response.end('inner'));
    const { transport } = open({ lookup: async () => ['169.254.169.254', '127.0.0.1'] });
    const response = await transport(get(`http://r.test:${port}/`, { allowAddresses: ['loopback'] }));
    expect([response.remoteAddress, await read(response)]).toEqual(['127.0.0.1', 'inner']);
  });

  it('A08 does not reuse a connection that was made under other rules', async () => {
    const { port, connections } = await serve((_, response) => response.end('inner'));
    const { transport } = open({ lookup: async () => ['127.0.0.1'] });
    expect(await read(await transport(get(`http://r.test:${port}/`)))).toBe('inner');
    const guarded = get(`http://r.test:${port}/`, { allowAddresses: ['public'] });
    await expect(transport(guarded)).rejects.toMatchObject({ code: 'ERR_REQUEST_REFUSED' });
    expect(connections()).toBe(1);
  });

  it.each([
    'http://127.0.0.1:1/',
    'http://[::1]:1/',
    'http://2130706433:1/',
    'http://169.254.169.254/',
    'http://[::ffff:a9fe:a9fe]/',
  ])('A08 refuses the literal %s, which is never looked up', async (url) => {
    const { transport } = open({ lookup: async () => ['8.8.8.8'] });
    await expect(transport(get(url, { allowAddresses: ['public'] }))).rejects.toMatchObject({
      code: 'ERR_REQUEST_REFUSED',
    });
  });

  it.each([
    ['nobody listens', 'http://127.0.0.1:1/', 'connect', true],
    ['the name does not exist', 'http://missing.test/', 'lookup', false],
  ])('says where it failed when %s', async (_, url, phase, retryable) => {
    const { transport } = open({ lookup: async () => [] });
    await expect(transport(get(url))).rejects.toMatchObject({ code: 'ERR_TRANSPORT', phase, retryable });
  });

  it('A04 takes a server without TLS for a final failure', async () => {
    const { port } = await serve((_, response) => response.end());
    await expect(open().transport(get(`https://127.0.0.1:${port}/`))).rejects.toMatchObject({
      phase: 'tls',
      retryable: false,
    });
  });

  it('B06 gives up on a server that says nothing', async () => {
    const { origin } = await serve(() => undefined);
    const { transport } = open({ headersTimeoutMs: 100 });
    await expect(transport(get(origin))).rejects.toMatchObject({ code: 'ERR_TRANSPORT', retryable: true });
  });

  it('B06 gives up on a body that stops', async () => {
    const { origin } = await serve(
      (_, response) => void response.writeHead(200, { 'content-length': '10' }).write('abc'),
    );
    const response = await open({ bodyTimeoutMs: 100 }).transport(get(origin));
    await expect(read(response)).rejects.toMatchObject({ code: 'ERR_TRANSPORT', phase: 'body', retryable: true });
  });

  it('B07 reports a body that is cut', async () => {
    const url = await serveRaw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc');
    await expect(read(await open().transport(get(url)))).rejects.toMatchObject({ phase: 'body', retryable: true });
  });

  it.each([
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd'],
    ['an endless header', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`],
    ['a bad chunk size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n'],
    ['nothing at all', ''],
  ])('B07 M13 survives %s', async (_, bytes) => {
    const url = await serveRaw(bytes);
    const exchange = async (): Promise<string> => read(await open().transport(get(url)));
    await expect(exchange()).rejects.toMatchObject({ code: 'ERR_TRANSPORT' });
  });

  it('M13 lets a header named __proto__ change nothing', async () => {
    const url = await serveRaw('HTTP/1.1 200 OK\r\n__proto__: x\r\ncontent-length: 0\r\n\r\n');
    const response = await open().transport(get(url));
    expect(response.status).toBe(200);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    await response.discard();
  });

  it.each(['before', 'while waiting', 'in the body'])('B14 ends within 100 ms when aborted %s', async (when) => {
    const { origin } = await serve((_, response) => {
      if (when === 'in the body') response.writeHead(200).write('abc');
    });
    const { transport } = open();
    const controller = new AbortController();
    const reason = new Error('enough');
    if (when === 'before') controller.abort(reason);
    const exchange = async (): Promise<string> => read(await transport(get(origin, { signal: controller.signal })));
    const settled = expect(exchange()).rejects.toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const started = performance.now();
    controller.abort(reason);
    await settled;
    expect(performance.now() - started).toBeLessThan(100);
  });

  it('B12 a discarded or broken-off body gives its connection up', async () => {
    const { origin, connections } = await serve((_, response) => {
      response.writeHead(200).write('x'.repeat(100_000));
    });
    const { transport } = open();
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const response = await transport(get(origin));
      if (attempt % 2 === 0) await response.discard();
      else for await (const chunk of response.body) if (chunk.length > 0) break;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(connections()).toBe(0);
  });

  it('B12 can be closed with requests under way', async () => {
    const { origin, connections } = await serve((_, response) => void response.writeHead(200).write('abc'));
    const { transport, close } = open();
    const response = await transport(get(origin));
    const reading = expect(read(response)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' });
    await close();
    await reading;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(connections()).toBe(0);
  });

  it('L05 L07 shows no request while it is under way, and no query in an error', async () => {
    const { origin } = await serve(() => undefined);
    const opened = open({ headersTimeoutMs: 100 });
    const token = canary('bearer-token');
    const pending = opened.transport(
      get(`${origin}/x?sig=${canary('signed-query')}`, { headers: { authorization: `Bearer ${token}` } }),
    );
    expect(inspect(opened, { depth: 30, showHidden: true })).not.toContain(token);
    await expect(pending).rejects.toMatchObject({ url: `${origin}/x` });
  });
});
