import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RedirectPolicy } from 'kubepull/distribution';
import { sendFollowing } from '../../../src/distribution/policy/redirects.ts';
import { canary } from '../../support/canary.ts';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { runsOf } from '../../support/property-runs.ts';

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
    'accept-encoding': 'identity',
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

/** Servers by the order in which they are asked: each one's address, and where it sends us. */
const peers = (hops: readonly (readonly [remoteAddress: string, location: string])[]) => {
  const server = createMemoryTransport((): Reply => {
    const [remoteAddress, location] = hops[server.requests.length - 1] ?? [];
    if (remoteAddress === undefined || location === undefined) return { body: 'content' };
    return { status: 307, headers: { location }, remoteAddress };
  });
  return server;
};

describe('sendFollowing', () => {
  it.each([
    ['another host', 'https://cdn.example/x'],
    ['another port', 'https://r.example:8443/x'],
    ['a sub-domain', 'https://a.r.example/x'],
  ])('drops all but harmless headers on the way to %s [A01]', async (_, target) => {
    const { transport, requests, open } = servers({ [request.url]: target });
    const { response, shown, foreign } = await sendFollowing(transport, request, registry);
    expect(requests[1]).toMatchObject({ method: 'GET', url: target });
    const harmless = { accept: 'a/b', 'accept-encoding': 'identity', range: 'bytes=1-', 'user-agent': 'kubepull' };
    expect(requests[1]?.headers).toEqual(harmless);
    expect({ shown, foreign }).toEqual({ shown: `${new URL(target).origin}/…`, foreign: true });
    await response.discard();
    expect(open()).toBe(0);
  });

  it('gives a dropped header back to nobody, the first origin included [A02]', async () => {
    const { transport, requests } = servers({
      [request.url]: 'https://cdn.example/x',
      'https://cdn.example/x': 'https://r.example/back',
    });
    const { foreign } = await sendFollowing(transport, request, registry);
    expect(foreign).toBe(true);
    expect(requests.map(({ headers }) => 'authorization' in headers)).toEqual([true, false, false]);
  });

  it('shows a credential to another repository of the registry only when told so [A03]', async () => {
    const { transport, requests } = servers({ [request.url]: '/v2/team-b/app/blobs/x' });
    await sendFollowing(transport, request, registry);
    await sendFollowing(transport, request, registry, { keepsCredential: (path) => path.startsWith('/v2/team-a/') });
    expect(requests.map(({ headers }) => 'authorization' in headers)).toEqual([true, true, true, false]);
  });

  it('refuses to leave TLS [A04]', async () => {
    const { transport, requests, open } = servers({ [request.url]: 'http://r.example/x' });
    await expect(sendFollowing(transport, request, registry)).rejects.toMatchObject({ rule: 'scheme-downgrade' });
    expect([requests.length, open()]).toEqual([1, 0]);
  });

  it('keeps to the origin when told so [A09]', async () => {
    const { transport, requests } = servers({ [request.url]: 'https://cdn.example/x' });
    const following = sendFollowing(transport, request, registry, { sameOriginOnly: true });
    await expect(following).rejects.toMatchObject({ rule: 'foreign-redirect' });
    expect(requests).toHaveLength(1);
  });

  it('follows five redirects and no more [B11]', async () => {
    const chain = (length: number): Record<string, string> =>
      Object.fromEntries(
        Array.from({ length }, (_, hop) => [hop === 0 ? request.url : `https://r.example/${hop}`, `/${hop + 1}`]),
      );
    const five = servers(chain(5));
    await sendFollowing(five.transport, request, registry);
    expect(five.requests.at(-1)?.url).toBe('https://r.example/5');
    const six = servers(chain(6));
    await expect(sendFollowing(six.transport, request, registry)).rejects.toMatchObject({ rule: 'too-many-redirects' });
    expect([six.requests.length, six.open()]).toEqual([6, 0]);
    await expect(sendFollowing(six.transport, request, registry)).rejects.toThrow(
      'the option maxRedirects allows more',
    );
    const ten = servers(chain(10));
    await sendFollowing(ten.transport, request, registry, { maxRedirects: 10 });
    expect(ten.requests).toHaveLength(11);
    const one = servers(chain(1));
    await expect(sendFollowing(one.transport, request, registry, { maxRedirects: 0 })).rejects.toMatchObject({
      rule: 'too-many-redirects',
    });
  });

  it('goes to a private address of a public registry only by a policy for the pair [A06]', async () => {
    const target = 'https://10.0.0.7/x';
    const guarded = servers({ [request.url]: target });
    await expect(sendFollowing(guarded.transport, request, registry)).rejects.toThrow(
      'its address is private; if it is trusted, say so by the option redirectPolicy',
    );
    const pairs: string[][] = [];
    const policy: RedirectPolicy = (...pair) => {
      pairs.push(pair);
      return 'trusted';
    };
    const { transport, requests } = servers({ [request.url]: target });
    await sendFollowing(transport, request, registry, { policy });
    expect(pairs).toEqual([['https://r.example', 'https://10.0.0.7']]);
    expect(requests[1]?.allowAddresses).toEqual(['public', 'private', 'loopback']);
    expect(requests[1]?.headers).not.toHaveProperty('authorization');
    for (const never of ['https://169.254.169.254/x', 'https://[fe80::1]/x', 'http://r.example/x', 'https://0.0.0.0/x'])
      await expect(
        sendFollowing(servers({ [request.url]: never }).transport, request, registry, { policy }),
      ).rejects.toMatchObject({ code: 'ERR_REQUEST_REFUSED' });
  });

  it('follows a target of 16 KiB, and none that is longer [B11]', async () => {
    const longest = `https://r.example/?${'x'.repeat(16 * 1024)}`.slice(0, 16 * 1024);
    const { response } = await sendFollowing(servers({ [request.url]: longest }).transport, request, registry);
    expect(response.status).toBe(200);
    const { transport, open } = servers({ [request.url]: `${longest}x` });
    await expect(sendFollowing(transport, request, registry)).rejects.toMatchObject({ code: 'ERR_REQUEST_REFUSED' });
    expect(open()).toBe(0);
  });

  it('takes a redirect without Location as the answer [B11]', async () => {
    const { transport } = createMemoryTransport(() => ({ status: 307 }));
    expect((await sendFollowing(transport, request, registry)).response.status).toBe(307);
  });

  it('lets the next hop be dialled at public addresses only [A06]', async () => {
    const { transport, requests } = servers({ [request.url]: 'https://cdn.example/x' });
    await sendFollowing(transport, request, registry);
    expect(requests.map(({ allowAddresses }) => allowAddresses)).toEqual([undefined, ['public']]);
  });

  it('keeps to the addresses of the first request where a redirect stays at its origin [A08]', async () => {
    // The name may resolve to an inner address by now.
    const realm = { ...request, url: 'https://auth.example/token', allowAddresses: ['public'] as const };
    const { transport, requests } = servers({ [realm.url]: '/elsewhere' });
    await sendFollowing(transport, realm, registry, { sameOriginOnly: true });
    expect(requests.map(({ allowAddresses }) => allowAddresses)).toEqual([['public'], ['public']]);
  });

  it('takes a registry on an inner network to its neighbours [A07]', async () => {
    const { transport, requests } = peers([
      ['10.0.0.1', 'https://store.corp.example/x'],
      ['10.0.0.2', 'https://10.0.0.3/y'],
    ]);
    await sendFollowing(transport, request, registry);
    expect(requests.map(({ allowAddresses }) => allowAddresses)).toEqual([
      undefined,
      ['public', 'private'],
      ['public', 'private'],
    ]);
  });

  it('lets nobody outside lead back into the inner network [A07]', async () => {
    const { transport, requests } = peers([
      ['10.0.0.1', 'https://cdn.example/x'],
      ['93.184.216.34', 'https://10.0.0.3/y'],
    ]);
    await expect(sendFollowing(transport, request, registry)).rejects.toMatchObject({ rule: 'private-address' });
    expect(requests).toHaveLength(2);
  });

  it.each(['HEAD', 'GET'] as const)('keeps the method %s', async (method) => {
    const { transport, requests } = servers({ [request.url]: '/x' });
    await sendFollowing(transport, { ...request, method }, registry);
    expect(requests.map((sent) => sent.method)).toEqual([method, method]);
  });

  it('shows of a target no more than where it is [L05]', async () => {
    const location = `https://cdn.example/${canary('signed-query')}/x?sig=${canary('signed-query')}#f`;
    const { transport, requests } = createMemoryTransport(() => ({ status: 302, headers: { location } }));
    const caught = await sendFollowing(transport, request, registry).catch((error: unknown) => error);
    expect(caught).toMatchObject({ rule: 'too-many-redirects', url: 'https://cdn.example/…' });
    expect(requests[1]?.shownUrl).toBe('https://cdn.example/…');
    expect(new URL(requests[1]?.url ?? '').hash).toBe('');
  });

  it('keeps credentials at the origin they are for, whatever the chain [A01 A02]', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('https://r.example', 'https://cdn.example', 'https://r.example:8443'), {
          minLength: 1,
          maxLength: 5,
        }),
        async (origins) => {
          const stops = [request.url, ...origins.map((origin, at) => `${origin}/${at}`)];
          const { transport, requests } = servers(
            Object.fromEntries(stops.slice(0, -1).map((stop, at) => [stop, stops[at + 1] ?? ''])),
          );
          await sendFollowing(transport, request, registry);
          let left = false;
          for (const { url, headers } of requests) {
            left ||= new URL(url).origin !== registry.origin;
            expect('authorization' in headers).toBe(!left);
            if (left) expect(JSON.stringify(headers)).not.toContain('canary');
          }
        },
      ),
      runsOf('turns'),
    ));
});
