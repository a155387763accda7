import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createSecret } from 'kubepull/docker-config';
import { createUndiciTransport } from 'kubepull/node';
import { canary } from '../../support/canary.ts';
import { createCertificate } from '../../support/certificate.ts';
import { serve, serveTls } from '../../support/servers.ts';
import { get, open, read, serveTcp, startProxy } from './support.ts';

const PROXY_NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

/** Sets the proxies of the environment, and no other, for one test. */
function setEnvironment(values: Readonly<Record<string, string>>): void {
  for (const name of [...PROXY_NAMES, 'REQUEST_METHOD']) vi.stubEnv(name, undefined);
  for (const [name, value] of Object.entries(values)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
}

const local = async (): Promise<readonly string[]> => ['127.0.0.1'];

describe('a proxy [A25]', () => {
  it('gets its own password for an https registry, and nothing of the request', async () => {
    const certificate = createCertificate(['r.test']);
    let seen: unknown;
    const { port } = await serveTls(certificate, ({ headers }, response) => {
      seen = headers;
      response.end('secure');
    });
    const proxy = await startProxy();
    const [password, bearer] = [canary('proxy-password'), canary('bearer-token')];
    const https = createSecret(proxy.url.replace('//', `//user:${password}@`));
    const { transport } = open({ ca: certificate.cert, proxy: { https } });
    const request = get(`https://r.test:${port}/v2/`, { headers: { authorization: `Bearer ${bearer}` } });
    const response = await transport(request);
    expect([await read(response), response.remoteAddress]).toEqual(['secure', undefined]);
    const [tunnel, ...others] = proxy.requests;
    expect([tunnel?.method, tunnel?.target, others]).toEqual(['CONNECT', `r.test:${port}`, []]);
    expect(JSON.stringify(tunnel).includes(bearer)).toBe(false);
    const basic = `Basic ${Buffer.from(`user:${password}`).toString('base64')}`;
    expect(tunnel?.headers['proxy-authorization'] === basic).toBe(true);
    const origin = seen as Record<string, string>;
    expect(Object.keys(origin).filter((name) => name.startsWith('proxy'))).toEqual([]);
    expect(origin['authorization'] === `Bearer ${bearer}`).toBe(true);
  });

  it('is asked by the whole URL for a plain one', async () => {
    const { port } = await serve(({ headers }, response) =>
      response.end(`${headers.host} ${headers['x-own'] as string}`),
    );
    const proxy = await startProxy();
    const { transport } = open({ proxy: { http: proxy.url } });
    const response = await transport(get(`http://r.test:${port}/v2/`, { headers: { 'x-own': 'yes' } }));
    expect(await read(response)).toBe(`r.test:${port} yes`);
    expect(proxy.requests.map(({ method, target }) => [method, target])).toEqual([
      ['GET', `http://r.test:${port}/v2/`],
    ]);
    expect(proxy.requests[0]?.headers['proxy-authorization']).toBeUndefined();
  });

  it('verifies the registry behind the tunnel, by the rules for that registry', async () => {
    const certificate = createCertificate(['r.test']);
    const { port } = await serveTls(certificate, (_, response) => response.end('secure'));
    const proxy = await startProxy();
    const url = `https://r.test:${port}/`;
    const strict = open({ proxy: { https: proxy.url } });
    await expect(strict.transport(get(url))).rejects.toMatchObject({ phase: 'tls', retryable: false });
    const trusting = open({ proxy: { https: proxy.url }, tls: { [`r.test:${port}`]: { ca: certificate.cert } } });
    expect(await read(await trusting.transport(get(url)))).toBe('secure');
  });

  it('with the certificate of another host is not asked again [B10]', async () => {
    const certificate = createCertificate(['proxy.test']);
    const { port } = await serveTls(certificate, () => undefined);
    const { transport } = open({ proxy: { https: `https://wrong.test:${port}` }, ca: certificate.cert, lookup: local });
    await expect(transport(get('https://r.test/'))).rejects.toMatchObject({ phase: 'tls', retryable: false });
  });

  it.each([
    [407, false],
    [403, false],
    [502, true],
  ])('says that the proxy answered %d', async (status, retryable) => {
    const proxy = await startProxy(status);
    const password = canary('proxy-password');
    const url = proxy.url.replace('//', `//user:${password}@`);
    const { transport } = open({ proxy: { https: createSecret(url) } });
    await expect(transport(get('https://r.test/v2/'))).rejects.toMatchObject({
      message: `Cannot GET https://r.test/v2/: the proxy answered ${status}`,
      retryable,
    });
  });

  it('shows a 407 for a plain request as what it is', async () => {
    const proxy = await startProxy(407);
    const { transport } = open({ proxy: { http: proxy.url } });
    await expect(transport(get('http://r.test/v2/'))).rejects.toMatchObject({ retryable: false });
  });

  it('ends when nobody is there, or the proxy hangs up', async () => {
    const { port, accepted } = await serveTcp((socket) => socket.destroy());
    for (const proxy of ['http://127.0.0.1:1', `http://127.0.0.1:${port}`]) {
      const { transport } = open({ proxy: { http: proxy, https: proxy } });
      await expect(transport(get('https://r.test/'))).rejects.toMatchObject({ code: 'ERR_TRANSPORT', retryable: true });
      await expect(transport(get('http://r.test/'))).rejects.toMatchObject({ code: 'ERR_TRANSPORT', retryable: true });
    }
    expect(accepted()).toBeLessThanOrEqual(4);
  });

  it('ends when the proxy is silent [B06]', async () => {
    const { port } = await serveTcp(() => undefined);
    const { transport } = open({ proxy: { https: `http://127.0.0.1:${port}` }, headersTimeoutMs: 100 });
    await expect(transport(get('https://r.test/'))).rejects.toMatchObject({ code: 'ERR_TRANSPORT', retryable: true });
  });

  it('is not asked for a name that leads to refused addresses as far as we can see [A08]', async () => {
    const proxy = await startProxy();
    const { port } = await serve((_, response) => response.end('inner'));
    const request = get(`http://r.test:${port}/`, { allowAddresses: ['public'] });
    const inner = open({ proxy: { http: proxy.url }, lookup: async () => ['10.0.0.1'] });
    await expect(inner.transport(request)).rejects.toMatchObject({ rule: 'address-class' });
    const literal = get(`http://127.0.0.1:${port}/`, { allowAddresses: ['public'] });
    await expect(inner.transport(literal)).rejects.toMatchObject({ rule: 'address-class' });
    expect(proxy.requests).toEqual([]);
    const unknown = open({ proxy: { http: proxy.url }, lookup: async () => Promise.reject(new Error('no such name')) });
    expect(await read(await unknown.transport(request))).toBe('inner');
  });

  it('lets a look-up for a proxied name be aborted [B14]', async () => {
    const { transport } = open({ proxy: { http: 'http://127.0.0.1:1' }, lookup: () => new Promise(() => undefined) });
    const controller = new AbortController();
    const reason = new Error('enough');
    const pending = transport(get('http://r.test/', { allowAddresses: ['public'], signal: controller.signal }));
    controller.abort(reason);
    await expect(pending).rejects.toBe(reason);
  });

  it('comes from the environment when the transport is made', async () => {
    const { port } = await serve((_, response) => response.end('x'));
    const [proxy, other] = [await startProxy(), await startProxy()];
    const url = `http://r.test:${port}/`;
    for (const environment of [
      { HTTP_PROXY: proxy.url, http_proxy: other.url },
      { http_proxy: proxy.url },
      { http_proxy: `127.0.0.1:${proxy.port}` },
      { HTTP_PROXY: '', http_proxy: proxy.url, NO_PROXY: 'other.test' },
    ]) {
      setEnvironment(environment);
      const { transport } = open();
      setEnvironment({});
      expect(await read(await transport(get(url)))).toBe('x');
    }
    expect([proxy.requests.length, other.requests.length]).toEqual([4, 0]);
  });

  it.each([
    ['none is wanted', { HTTP_PROXY: 'http://127.0.0.1:1' }, 'none' as const],
    ['the name is excepted', { HTTP_PROXY: 'http://127.0.0.1:1', NO_PROXY: 'a.example, .test' }, undefined],
    ['the one for https is not for http', { HTTPS_PROXY: 'http://127.0.0.1:1' }, undefined],
    ['a CGI client could have set it', { HTTP_PROXY: 'http://127.0.0.1:1', REQUEST_METHOD: 'GET' }, undefined],
    ['others are given', { HTTP_PROXY: 'http://127.0.0.1:1' }, {}],
  ])('of the environment is left alone when %s', async (_, environment, proxy) => {
    setEnvironment(environment);
    const { port } = await serve((__, response) => response.end('direct'));
    const { transport } = open({ lookup: local, proxy });
    expect(await read(await transport(get(`http://r.test:${port}/`)))).toBe('direct');
  });

  it.each(['socks5://127.0.0.1:1080', 'nonsense://x', 'http://', '::'])('cannot be %s', (address) => {
    const secret = canary('proxy-password');
    expect(() => createUndiciTransport({ proxy: { https: `${address}?${secret}` } })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
    );
  });

  it('cannot have a % that escapes nothing, and that is said before the first request [L04]', () => {
    const password = `100%${canary('proxy-password')}`.replace(/%../, '%zz');
    expect(() => createUndiciTransport({ proxy: { https: `http://user:${password}@127.0.0.1:1` } })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID', message: expect.stringContaining('%25') as string }),
    );
  });

  it('gets a password that stands alone', async () => {
    const { port } = await serve((_, response) => response.end('x'));
    const proxy = await startProxy();
    const password = canary('proxy-password');
    const { transport } = open({ proxy: { http: createSecret(proxy.url.replace('//', `//:${password}@`)) } });
    await read(await transport(get(`http://r.test:${port}/`)));
    const basic = `Basic ${Buffer.from(`:${password}`).toString('base64')}`;
    expect(proxy.requests[0]?.headers['proxy-authorization'] === basic).toBe(true);
  });

  it('shows its password nowhere [L07]', async () => {
    const password = canary('proxy-password');
    const { url } = await startProxy();
    const opened = open({ proxy: { http: createSecret(url.replace('//', `//user:${password}@`)) } });
    const { port } = await serve((_, response) => response.end('x'));
    const pending = opened.transport(get(`http://r.test:${port}/`));
    expect(inspect([opened, pending], { depth: 30, showHidden: true }).includes(password)).toBe(false);
    await read(await pending);
  });
});
