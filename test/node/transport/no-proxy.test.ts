import { describe, expect, it } from 'vitest';
import { open, get, startProxy } from './support.ts';

/** Whether a URL goes to the proxy under a `NO_PROXY`. The proxy answers all itself, so that nothing else is asked. */
async function isProxied(noProxy: string, url: string): Promise<boolean> {
  const proxy = await startProxy(502);
  const { transport } = open({
    proxy: { http: proxy.url, https: proxy.url, noProxy },
    lookup: async () => [],
    connectTimeoutMs: 1000,
  });
  await transport(get(url)).then(
    (response) => response.discard(),
    () => undefined,
  );
  return proxy.requests.length > 0;
}

describe('noProxy', () => {
  it.each([
    ['', 'http://r.test/', true],
    ['', 'http://localhost/', false],
    ['', 'http://127.9.9.9:1/', false],
    ['', 'http://[::1]:1/', false],
    ['*', 'http://r.test/', false],
    ['other, *', 'https://r.test/', false],
    ['r.test', 'http://r.test/', false],
    ['R.TEST', 'http://r.test./', false],
    ['r.test', 'http://a.r.test/', false],
    ['r.test', 'http://ar.test/', true],
    ['.r.test', 'http://r.test/', true],
    ['.r.test', 'http://a.r.test/', false],
    ['*.r.test', 'http://a.r.test/', false],
    ['*.r.test', 'http://r.test/', true],
    ['r.test:80', 'http://r.test/', false],
    ['r.test:81', 'http://r.test/', true],
    ['r.test:443', 'https://r.test/', false],
    ['r.test:5000', 'http://r.test:5000/', false],
    [':80', 'http://r.test/', true],
    [' , ,', 'http://r.test/', true],
    ['192.0.2.1', 'http://192.0.2.1/', false],
    ['192.0.2.1', 'http://192.0.2.2/', true],
    ['192.0.2.1:81', 'http://192.0.2.1/', true],
    ['192.0.2.0/24', 'http://192.0.2.2/', false],
    ['192.0.2.0/33', 'http://192.0.2.2/', true],
    ['192.0.2.0/24', 'http://r.test/', true],
    ['2001:db8::/32', 'http://[2001:db8::5]/', false],
    ['2001:db8::5', 'http://[2001:db8:0::5]/', false],
    ['[2001:db8::5]:80', 'http://[2001:db8::5]/', false],
    ['[2001:db8::5]:81', 'http://[2001:db8::5]/', true],
  ])('%j and %s: proxied %s', async (noProxy, url, proxied) => {
    expect(await isProxied(noProxy, url)).toBe(proxied);
  });
});
