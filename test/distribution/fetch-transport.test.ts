import { describe, expect, it } from 'vitest';
import { fetchTransport, type TransportRequest } from 'kubepull/distribution';
import { canary } from '../support/canary.ts';
import { serve, serveRaw } from '../support/servers.ts';

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
    const response = await fetchTransport()({ ...get(origin, { headers: { 'x-own': 'yes' } }), method: 'POST', body });
    expect(response.status).toBe(307);
    expect([response.headers.get('location'), response.headers.get('x-own')]).toEqual([['/elsewhere'], ['yes']]);
    expect([await read(response.body), response.remoteAddress]).toEqual(['sent', undefined]);
    await response.discard();
  });

  it('has an empty body where there is none', async () => {
    const { origin } = await serve((_, response) => response.writeHead(204).end());
    const response = await fetchTransport()({ ...get(origin), method: 'HEAD' });
    expect(await read(response.body)).toBe('');
    await response.discard();
  });

  it('says that the connection failed, and nothing of what it was for', async () => {
    const url = `http://127.0.0.1:1/x?sig=${canary('signed-query')}`;
    const headers = { authorization: `Bearer ${canary('bearer-token')}` };
    await expect(fetchTransport()(get(url, { headers }))).rejects.toMatchObject({
      message: 'Cannot GET http://127.0.0.1:1/x: the connection failed',
      phase: 'connect',
      retryable: true,
    });
    const shownUrl = 'http://127.0.0.1:1/…';
    await expect(fetchTransport()(get(url, { shownUrl }))).rejects.toMatchObject({ url: shownUrl });
  });

  it('B07 reports a body that is cut', async () => {
    const url = await serveRaw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc');
    const { body } = await fetchTransport()(get(url));
    await expect(read(body)).rejects.toMatchObject({ code: 'ERR_TRANSPORT', phase: 'body' });
  });

  it.each(['before', 'while waiting', 'in the body'])('B14 ends with the reason when aborted %s', async (when) => {
    const { origin } = await serve((_, response) => {
      if (when === 'in the body') response.writeHead(200).write('abc');
    });
    const controller = new AbortController();
    const reason = new Error('enough');
    if (when === 'before') controller.abort(reason);
    const exchange = async (): Promise<string> => {
      const { body } = await fetchTransport()(get(origin, { signal: controller.signal }));
      return read(body);
    };
    const settled = expect(exchange()).rejects.toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 50));
    controller.abort(reason);
    await settled;
  });

  it.each(['http://127.0.0.1:1/', 'http://[::1]:1/', 'http://2130706433:1/', 'http://169.254.169.254/'])(
    'A08 refuses the literal %s',
    async (url) => {
      let sent = 0;
      const transport = fetchTransport(async () => {
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
    const transport = fetchTransport(async () => new Response(endless()));
    await (await transport(get('https://r.example/'))).discard();
    const response = await transport(get('https://r.example/'));
    for await (const chunk of response.body) {
      expect(chunk.length).toBe(1);
      await response.discard();
    }
    expect(cancelled).toBe(2);
  });
});
