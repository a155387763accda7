import { describe, expect, it } from 'vitest';
import { sendFollowing } from '../../src/distribution/redirects.ts';
import { createMemoryTransport, type Reply } from '../support/memory-transport.ts';

const registry = { origin: 'https://r.example', address: undefined };
const request = {
  method: 'GET',
  url: 'https://r.example/v2/team-a/app/blobs/x',
  headers: {
    authorization: 'Basic canary',
    Cookie: 'canary',
    'proxy-authorization': 'canary',
    'x-custom': 'canary',
    accept: 'a/b',
    range: 'bytes=1-',
    'user-agent': 'kubepull',
  },
} as const;

/** A server by URL; what is not listed answers 200. */
const servers = (locations: Readonly<Record<string, string>>) =>
  createMemoryTransport(({ url }): Reply => {
    const location = locations[url];
    return location === undefined ? { body: 'content' } : { status: 307, headers: { location }, body: 'moved' };
  });

describe('sendFollowing', () => {
  it.each([
    ['another host', 'https://cdn.example/x'],
    ['another port', 'https://r.example:8443/x'],
    ['a sub-domain', 'https://a.r.example/x'],
  ])('A01 drops all but harmless headers on the way to %s', async (_, target) => {
    const { transport, requests, open } = servers({ [request.url]: target });
    const { response, url, foreign } = await sendFollowing(transport, request, registry);
    expect(requests[1]?.headers).toEqual({ accept: 'a/b', range: 'bytes=1-', 'user-agent': 'kubepull' });
    expect({ url, foreign }).toEqual({ url: target, foreign: true });
    await response.discard();
    expect(open()).toBe(0);
  });

  it('A02 gives a dropped header back to nobody, the first origin included', async () => {
    const { transport, requests } = servers({
      [request.url]: 'https://cdn.example/x',
      'https://cdn.example/x': 'https://r.example/back',
    });
    const { foreign } = await sendFollowing(transport, request, registry);
    expect(foreign).toBe(true);
    expect(requests.map(({ headers }) => 'authorization' in headers)).toEqual([true, false, false]);
  });

  it('A03 shows a credential to another repository of the registry only when told so', async () => {
    const { transport, requests } = servers({ [request.url]: '/v2/team-b/app/blobs/x' });
    await sendFollowing(transport, request, registry);
    await sendFollowing(transport, request, registry, { keepsCredential: (path) => path.startsWith('/v2/team-a/') });
    expect(requests.map(({ headers }) => 'authorization' in headers)).toEqual([true, true, true, false]);
  });

  it('A04 refuses to leave TLS', async () => {
    const { transport, requests, open } = servers({ [request.url]: 'http://r.example/x' });
    await expect(sendFollowing(transport, request, registry)).rejects.toMatchObject({ rule: 'scheme-downgrade' });
    expect([requests.length, open()]).toEqual([1, 0]);
  });

  it('A09 keeps to the origin when told so', async () => {
    const { transport, requests } = servers({ [request.url]: 'https://cdn.example/x' });
    const following = sendFollowing(transport, request, registry, { sameOriginOnly: true });
    await expect(following).rejects.toMatchObject({ rule: 'foreign-redirect' });
    expect(requests).toHaveLength(1);
  });

  it('B11 follows five redirects and no more', async () => {
    const chain = (length: number): Record<string, string> =>
      Object.fromEntries(
        Array.from({ length }, (_, hop) => [hop === 0 ? request.url : `https://r.example/${hop}`, `/${hop + 1}`]),
      );
    const five = servers(chain(5));
    expect((await sendFollowing(five.transport, request, registry)).url).toBe('https://r.example/5');
    const six = servers(chain(6));
    await expect(sendFollowing(six.transport, request, registry)).rejects.toMatchObject({ rule: 'too-many-redirects' });
    expect([six.requests.length, six.open()]).toEqual([6, 0]);
  });

  it('B11 takes a redirect without Location as the answer', async () => {
    const { transport } = createMemoryTransport(() => ({ status: 307 }));
    expect((await sendFollowing(transport, request, registry)).response.status).toBe(307);
  });

  it('A06 lets the next hop be dialled at public addresses only', async () => {
    const { transport, requests } = servers({ [request.url]: 'https://cdn.example/x' });
    await sendFollowing(transport, request, registry);
    expect(requests.map(({ allowAddresses }) => allowAddresses)).toEqual([undefined, ['public']]);
  });
});
