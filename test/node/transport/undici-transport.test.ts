import { getEventListeners } from 'node:events';
import { inspect } from 'node:util';
import { Agent } from 'undici';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from 'kubepull/clock';
import { type TransportRequest, type TransportResponse, withRetry } from 'kubepull/distribution';
import { createUndiciTransport, type UndiciTransportOptions } from 'kubepull/node';
import { turnsOf } from '../../support/least.ts';
import { canary } from '../../support/canary.ts';
import { createCertificate } from '../../support/certificate.ts';
import { eventually, serve, serveRaw, serveTls } from '../../support/servers.ts';

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

  it('dials only addresses of the allowed classes, whatever a name resolves to [A08]', async () => {
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

  it('picks the allowed ones of a mixed list [A08]', async () => {
    const { port } = await serve((_, response) => response.end('inner'));
    const { transport } = open({ lookup: async () => ['169.254.169.254', '127.0.0.1'] });
    const response = await transport(get(`http://r.test:${port}/`, { allowAddresses: ['loopback'] }));
    expect([response.remoteAddress, await read(response)]).toEqual(['127.0.0.1', 'inner']);
  });

  it('does not reuse a connection that was made under other rules [A08]', async () => {
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
  ])('refuses the literal %s, which is never looked up [A08]', async (url) => {
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

  it('takes a server without TLS for a final failure [A04]', async () => {
    const { port } = await serve((_, response) => response.end());
    await expect(open().transport(get(`https://127.0.0.1:${port}/`))).rejects.toMatchObject({
      phase: 'tls',
      retryable: false,
    });
  });

  it('gives up on a server that says nothing [B06]', async () => {
    const { origin } = await serve(() => undefined);
    const { transport } = open({ headersTimeoutMs: 100 });
    await expect(transport(get(origin))).rejects.toMatchObject({ code: 'ERR_TRANSPORT', retryable: true });
  });

  it('gives up on a body that stops [B06]', async () => {
    const { origin } = await serve(
      (_, response) => void response.writeHead(200, { 'content-length': '10' }).write('abc'),
    );
    const response = await open({ bodyTimeoutMs: 100 }).transport(get(origin));
    await expect(read(response)).rejects.toMatchObject({ code: 'ERR_TRANSPORT', phase: 'body', retryable: true });
  });

  it('reports a body that is cut [B07]', async () => {
    const url = await serveRaw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc');
    await expect(read(await open().transport(get(url)))).rejects.toMatchObject({ phase: 'body', retryable: true });
  });

  it.each([
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd'],
    ['an endless header', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`],
    ['a bad chunk size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n'],
    ['nothing at all', ''],
  ])('survives %s [B07 M13]', async (_, bytes) => {
    const url = await serveRaw(bytes);
    const exchange = async (): Promise<string> => read(await open().transport(get(url)));
    await expect(exchange()).rejects.toMatchObject({ code: 'ERR_TRANSPORT' });
  });

  it('lets a header named __proto__ change nothing [M13]', async () => {
    const url = await serveRaw('HTTP/1.1 200 OK\r\n__proto__: x\r\ncontent-length: 0\r\n\r\n');
    const response = await open().transport(get(url));
    expect(response.status).toBe(200);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    await response.discard();
  });

  it.each(['before', 'while waiting', 'in the body'])('ends at once when aborted %s [B14]', async (when) => {
    const { origin } = await serve((_, response) => {
      if (when === 'in the body') response.writeHead(200).write('abc');
    });
    const { transport } = open();
    const reason = new Error('enough');
    const controller = new AbortController();
    if (when === 'before') controller.abort(reason);
    const exchange = async (): Promise<string> => read(await transport(get(origin, { signal: controller.signal })));
    const settled = expect(exchange()).rejects.toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 50));
    controller.abort(reason);
    expect(await turnsOf(settled)).toBeLessThan(10);
    await settled;
  });

  it('a discarded or broken-off body gives its connection up [B12]', async () => {
    const { origin, connections } = await serve((_, response) => {
      response.writeHead(200).write('x'.repeat(100_000));
    });
    const { transport } = open();
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const response = await transport(get(origin));
      if (attempt % 2 === 0) await response.discard();
      else for await (const chunk of response.body) if (chunk.length > 0) break;
    }
    await eventually(() => connections() === 0);
  });

  it('can be closed with requests under way [B12]', async () => {
    const { origin, connections } = await serve((_, response) => void response.writeHead(200).write('abc'));
    const { transport, close } = open();
    const response = await transport(get(origin));
    const reading = expect(read(response)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' });
    await close();
    await reading;
    await eventually(() => connections() === 0);
  });

  it('ends a request also when another connection to its host failed meanwhile [I5]', async () => {
    const { origin, connections } = await serve((_, response) => void response.writeHead(200).write('abc'));
    let answer: (addresses: readonly string[]) => void = () => undefined;
    const slow = new Promise<readonly string[]>((resolve) => void (answer = resolve));
    const lookups = [() => slow, () => Promise.reject(new Error('down'))];
    const { transport, close } = open({ lookup: () => lookups.shift()?.() ?? Promise.resolve([]) });
    const url = origin.replace('127.0.0.1', 'r.test');
    const first = transport(get(url));
    await expect(transport(get(url))).rejects.toMatchObject({ code: 'ERR_TRANSPORT' });
    answer(['127.0.0.1']);
    const reading = expect(read(await first)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' });
    await close();
    await reading;
    await eventually(() => connections() === 0);
  });

  it('shows no request while it is under way, and no query in an error [L05 L07]', async () => {
    const { origin } = await serve(() => undefined);
    const opened = open({ headersTimeoutMs: 100 });
    const token = canary('bearer-token');
    const pending = opened.transport(
      get(`${origin}/x?sig=${canary('signed-query')}`, { headers: { authorization: `Bearer ${token}` } }),
    );
    expect(inspect(opened, { depth: 30, showHidden: true })).not.toContain(token);
    await expect(pending).rejects.toMatchObject({ url: `${origin}/x` });
  });

  it('tells the peer of each answer, not of another connection to the same name [A08]', async () => {
    const seen = new Map<string, string>();
    const { port } = await serve((request, response) => {
      seen.set(request.url ?? '', request.socket.localAddress ?? '');
      setTimeout(() => response.end('x'), 20);
    });
    // The name leads to another address with every look-up, as a hostile one may.
    let asked = 0;
    const { transport } = open({ lookup: async () => [`127.0.0.${(asked += 1)}`] });
    const exchange = async (path: string): Promise<void> => {
      const response = await transport(get(`http://r.test:${port}${path}`));
      expect(response.remoteAddress).toBe(seen.get(path));
      await read(response);
    };
    await exchange('/0');
    await Promise.all(['/1', '/2', '/3', '/4'].map(exchange));
    await exchange('/5');
    expect(new Set(seen.values()).size).toBeGreaterThan(2);
  });

  it('takes nothing but addresses from a look-up [A08]', async () => {
    const { transport } = open({ lookup: async () => ['localhost', '', '127.1'] });
    await expect(transport(get('http://r.test:1/'))).rejects.toMatchObject({ code: 'ERR_REQUEST_REFUSED' });
  });

  it.each(['', 'nonsense', '/v2/', 'ftp://r.test/', 'file:///etc/passwd', 'http://u:p@127.0.0.1/', 'http://u@r.test/'])(
    'sends nothing to %j [A18 L04]',
    async (url) => {
      await expect(open().transport(get(url))).rejects.toMatchObject({
        code: 'ERR_REQUEST_REFUSED',
        rule: 'invalid-url',
      });
    },
  );

  it.each([
    { connectTimeoutMs: 0 },
    { headersTimeoutMs: -1 },
    { bodyTimeoutMs: 1.5 },
    { bodyTimeoutMs: Number.NaN },
    { connectTimeoutMs: Number.POSITIVE_INFINITY },
    { headersTimeoutMs: 2 ** 31 },
  ])('refuses the options %j', (options) => {
    expect(() => createUndiciTransport(options)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }));
  });

  it('trusts the certificates that it is given', async () => {
    const certificate = createCertificate(['r.test']);
    const { port } = await serveTls(certificate, (_, response) => response.end('secure'));
    const lookup = async (): Promise<readonly string[]> => ['127.0.0.1'];
    const strict = open({ lookup });
    for (const url of [`https://r.test:${port}/`, `https://127.0.0.1:${port}/`]) {
      for (const ca of [certificate.cert, [createCertificate().cert, certificate.cert]]) {
        const response = await open({ lookup, ca }).transport(get(url));
        expect([await read(response), response.remoteAddress]).toEqual(['secure', '127.0.0.1']);
      }
      await expect(strict.transport(get(url))).rejects.toMatchObject({ phase: 'tls', retryable: false });
    }
    const other = open({ lookup, ca: certificate.cert });
    await expect(other.transport(get(`https://other.test:${port}/`))).rejects.toMatchObject({ phase: 'tls' });
  });

  it('uses the connection again when a discarded rest is short', async () => {
    const ports = new Set<number | undefined>();
    const { origin } = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      response.writeHead(401, { 'content-length': '2000' });
      response.write('x'.repeat(1000));
      setTimeout(() => response.end('x'.repeat(1000)), 20);
    });
    const { transport } = open();
    for (let attempt = 0; attempt < 5; attempt += 1) await (await transport(get(origin))).discard();
    expect(ports.size).toBe(1);
  });

  it('uses the connection again when a body was read', async () => {
    const ports = new Set<number | undefined>();
    const { origin } = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      response.end('x'.repeat(100_000));
    });
    const { transport } = open();
    for (let attempt = 0; attempt < 5; attempt += 1) await read(await transport(get(origin)));
    expect(ports.size).toBe(1);
  });

  it('waits no longer than a moment for a discarded rest that does not come [B12]', async () => {
    const { origin, connections } = await serve((_, response) => void response.writeHead(401).write('x'));
    const response = await open().transport(get(origin));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const discarded = Promise.all([response.discard(), response.discard()]);
    vi.advanceTimersByTime(1000);
    vi.useRealTimers();
    await discarded;
    await response.discard();
    await eventually(() => connections() === 0);
  });

  it('discards while the body is read [B12]', async () => {
    const { origin } = await serve((_, response) => void response.writeHead(200).write('abc'));
    const response = await open().transport(get(origin));
    const reading = expect(read(response)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await response.discard();
    await reading;
  });

  it('leaves no timer when a rest is discarded [I5]', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const { origin } = await serve((_, response) => response.end('x'));
    const response = await open().transport(get(origin));
    const before = timers();
    await response.discard();
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it('leaves no listener on a signal, and no connection after its end [I5]', async () => {
    const { origin, connections } = await serve((_, response) => response.end('x'));
    const { transport, close } = open();
    const { signal } = new AbortController();
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const response = await transport(get(origin, { signal }));
      await (attempt % 2 === 0 ? read(response) : response.discard());
    }
    await transport(get('http://127.0.0.1:1/', { signal })).catch(() => undefined);
    await eventually(() => getEventListeners(signal, 'abort').length === 0);
    await close();
    await close();
    await eventually(() => connections() === 0);
  });

  it('opens nothing after its end, however often it is asked [I5]', async () => {
    let asked = 0;
    const { origin, connections } = await serve(() => void (asked += 1));
    const { transport, close } = open();
    const retrying = withRetry(transport, { clock: systemClock, random: () => 0 });
    const pending = expect(retrying(get(origin))).rejects.toMatchObject({
      message: `Cannot GET ${origin}/: the transport was closed`,
      retryable: false,
    });
    await eventually(() => asked === 1);
    await close();
    await pending;
    for (const allowAddresses of [undefined, ['loopback'] as const]) {
      const late = retrying(get(origin, { allowAddresses }));
      await expect(late).rejects.toMatchObject({ code: 'ERR_TRANSPORT', retryable: false });
    }
    expect(asked).toBe(1);
    await eventually(() => connections() === 0);
  });

  it('leaves a dispatcher that it was given to its owner', async () => {
    const { origin } = await serve((_, response) => response.end('x'));
    const dispatcher = new Agent();
    onTestFinished(() => dispatcher.destroy());
    const { transport, close } = open({ dispatcher });
    const response = await transport(get(origin));
    expect([await read(response), response.remoteAddress]).toEqual(['x', undefined]);
    await close();
    expect(dispatcher.destroyed).toBe(false);
  });

  it('calls a URL in errors what it is told to [L02 L05]', async () => {
    const secret = canary('signed-query');
    const shownUrl = 'http://127.0.0.1:1/…';
    const request = get(`http://127.0.0.1:1/${secret}`, { shownUrl });
    await expect(open().transport(request)).rejects.toMatchObject({ url: shownUrl });
    const refused = open().transport({ ...request, allowAddresses: ['public'] });
    await expect(refused).rejects.toMatchObject({ url: shownUrl, rule: 'address-class' });
  });

  it('takes nothing of what a server sent into an error [L02]', async () => {
    const secret = canary('cookie');
    const url = await serveRaw(`HTTP/1.1 200 OK\r\nset-cookie: ${secret}\r\nbad header ${secret}\r\n\r\n`);
    const caught = await open()
      .transport(get(url))
      .catch((error: unknown) => error);
    expect(caught).toMatchObject({
      message: `Cannot GET ${url}: the connection failed (headers, HTTPParserError)`,
      retryable: true,
    });
    expect(inspect(caught, { depth: 20, showHidden: true })).not.toContain(secret);
  });
});
