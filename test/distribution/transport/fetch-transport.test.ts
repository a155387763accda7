import { getEventListeners } from 'node:events';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createFetchTransport, type TransportRequest } from 'kubepull/distribution';
import { canary } from '../../support/canary.ts';
import { eventually, serve, serveRaw } from '../../support/servers.ts';

const get = (url: string, more: Partial<TransportRequest> = {}): TransportRequest => ({
  method: 'GET',
  url,
  headers: {},
  ...more,
});

async function read(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('fetchTransport', () => {
  it('sends a request as it is, and follows nothing', async () => {
    const { origin } = await serve((request, response) => {
      response.writeHead(307, { location: '/elsewhere', 'x-own': String(request.headers['x-own']) });
      request.pipe(response);
    });
    const body = new TextEncoder().encode('sent');
    const response = await createFetchTransport()({
      ...get(origin, { headers: { 'x-own': 'yes' } }),
      method: 'POST',
      body,
    });
    expect(response.status).toBe(307);
    expect([response.headers.get('location'), response.headers.get('x-own')]).toEqual([['/elsewhere'], ['yes']]);
    expect([await read(response.body), response.remoteAddress]).toEqual(['sent', undefined]);
    await response.discard();
  });

  it('has an empty body where there is none', async () => {
    const { origin } = await serve((_, response) => response.writeHead(204).end());
    const response = await createFetchTransport()({ ...get(origin), method: 'HEAD' });
    expect(await read(response.body)).toBe('');
    await response.discard();
  });

  it('says that the connection failed, and nothing of what it was for', async () => {
    const url = `http://127.0.0.1:1/x?sig=${canary('signed-query')}`;
    const headers = { authorization: `Bearer ${canary('bearer-token')}` };
    await expect(createFetchTransport()(get(url, { headers }))).rejects.toMatchObject({
      message: 'Cannot GET http://127.0.0.1:1/x: the connection failed',
      phase: 'connect',
      retryable: true,
    });
    const shownUrl = 'http://127.0.0.1:1/…';
    await expect(createFetchTransport()(get(url, { shownUrl }))).rejects.toMatchObject({ url: shownUrl });
  });

  it('reports a body that is cut [B07]', async () => {
    const url = await serveRaw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc');
    const { body } = await createFetchTransport()(get(url));
    await expect(read(body)).rejects.toMatchObject({ code: 'ERR_TRANSPORT', phase: 'body' });
  });

  it.each(['before', 'while waiting', 'in the body'])('ends with the reason when aborted %s [B14]', async (when) => {
    const { origin } = await serve((_, response) => {
      if (when === 'in the body') response.writeHead(200).write('abc');
    });
    const controller = new AbortController();
    const reason = new Error('enough');
    if (when === 'before') controller.abort(reason);
    const exchange = async (): Promise<string> => {
      const { body } = await createFetchTransport()(get(origin, { signal: controller.signal }));
      return read(body);
    };
    const settled = expect(exchange()).rejects.toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 50));
    controller.abort(reason);
    await settled;
  });

  it.each(['http://127.0.0.1:1/', 'http://[::1]:1/', 'http://2130706433:1/', 'http://169.254.169.254/'])(
    'refuses the literal %s [A08]',
    async (url) => {
      let sent = 0;
      const transport = createFetchTransport(async () => {
        sent += 1;
        return new Response('inner');
      });
      await expect(transport(get(url, { allowAddresses: ['public'] }))).rejects.toMatchObject({
        code: 'ERR_REQUEST_REFUSED',
        rule: 'address-class',
      });
      expect(sent).toBe(0);
    },
  );

  it('gives the body up when it is told to, also while it is read', async () => {
    let cancelled = 0;
    const endless = (): ReadableStream<Uint8Array> =>
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(1)),
        cancel: () => void (cancelled += 1),
      });
    const transport = createFetchTransport(async () => new Response(endless()));
    await (await transport(get('https://r.example/'))).discard();
    const { body, discard } = await transport(get('https://r.example/'));
    const reading = async (): Promise<void> => {
      for await (const chunk of body) {
        expect(chunk.length).toBe(1);
        await discard();
      }
    };
    // What was cut is no end.
    await expect(reading()).rejects.toMatchObject({ code: 'ERR_TRANSPORT' });
    expect(cancelled).toBe(2);
  });

  it('gives no bytes of a body that was decoded on the way [M06]', async () => {
    const bomb = gzipSync(Buffer.alloc(1_000_000));
    let accepted: unknown;
    const { origin } = await serve((request, response) => {
      accepted = request.headers['accept-encoding'];
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    });
    const response = await createFetchTransport()(get(origin, { headers: { 'accept-encoding': 'identity' } }));
    expect([accepted, response.headers.get('content-encoding')]).toEqual(['identity', ['gzip']]);
    await expect(read(response.body)).rejects.toMatchObject({
      message: `Cannot GET ${origin}/: it came with a Content-Encoding that was not asked for`,
      retryable: false,
    });
  });

  it('takes a body that says it is as it was', async () => {
    const { origin } = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': 'identity' }).end('abc');
    });
    expect(await read((await createFetchTransport()(get(origin))).body)).toBe('abc');
  });

  it('fails where a runtime hides a redirect', async () => {
    const hidden = Object.defineProperty(new Response(null), 'type', { value: 'opaqueredirect' });
    await expect(createFetchTransport(async () => hidden)(get('https://r.example/'))).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
    });
  });

  it('keeps headers apart that came several times, where the runtime does', async () => {
    const { origin } = await serve((_, response) => {
      response.setHeader('warning', ['299 - "a"', '299 - "b"']);
      response.writeHead(200, { 'set-cookie': ['a=1', 'b=2'] }).end();
    });
    const response = await createFetchTransport()(get(origin));
    expect(response.headers.get('set-cookie')).toEqual(['a=1', 'b=2']);
    expect(response.headers.get('warning')).toEqual(['299 - "a", 299 - "b"']);
    await response.discard();
  });

  it.each(['', 'nonsense', 'ftp://r.test/', 'data:,x', 'http://u:p@127.0.0.1/', 'https://u@r.test/'])(
    'sends nothing to %j [A18 L04]',
    async (url) => {
      let sent = 0;
      const transport = createFetchTransport(async () => {
        sent += 1;
        return new Response();
      });
      await expect(transport(get(url))).rejects.toMatchObject({ code: 'ERR_REQUEST_REFUSED', rule: 'invalid-url' });
      expect(sent).toBe(0);
    },
  );

  it('leaves no listener on a signal [I5]', async () => {
    const { origin } = await serve((_, response) => response.end('x'));
    const { signal } = new AbortController();
    const transport = createFetchTransport();
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const response = await transport(
        get(origin, { signal, ...(attempt % 3 === 0 ? { method: 'HEAD' as const } : {}) }),
      );
      await (attempt % 3 === 1 ? read(response.body) : response.discard());
    }
    await transport(get('http://127.0.0.1:1/', { signal })).catch(() => undefined);
    await eventually(() => getEventListeners(signal, 'abort').length === 0);
  });
});
