import { describe, expect, it } from 'vitest';
import { classifyAddress, openBlob, readManifestBytes } from 'kubepull/distribution';
import { RequestRefusedError } from 'kubepull/errors';
import { nodeHasher } from 'kubepull/node';
import { createFakeClock } from 'kubepull/testing';
import { createRegistrySession, type Session } from '../../../src/distribution/session/session.ts';
import {
  admitForeign,
  admitRealm,
  admitUpload,
  type RegistryPeer,
} from '../../../src/distribution/policy/url-policy.ts';
import { canary } from '../../support/canary.ts';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import {
  ORIGIN,
  authorization,
  basicChallenge,
  bearerChallenge,
  blob,
  connect,
  credential,
  found,
  isRealm,
  manifest,
  ref,
  tokenReply,
} from '../support.ts';

const PUBLIC: RegistryPeer = { origin: 'https://registry.example.com', address: '93.184.216.34' };
const PRIVATE: RegistryPeer = { origin: 'https://harbor.corp.example', address: '10.1.2.3' };
const LOOPBACK: RegistryPeer = { origin: 'http://127.0.0.1:5000', address: '127.0.0.1' };

const open = (transport: Parameters<typeof createRegistrySession>[0]['transport']): Session =>
  createRegistrySession({
    transport,
    origin: ORIGIN,
    createHasher: nodeHasher,
    credential: credential(),
    clock: { ...createFakeClock(), sleep: async () => undefined },
    random: () => 0,
  }) as Session;

function ruleOf(admit: () => unknown): string {
  try {
    admit();
    return 'admitted';
  } catch (error) {
    if (error instanceof RequestRefusedError) return error.rule;
    throw error;
  }
}

/** What a realm at a host is to a registry out on the network, on an inner network, and on this machine. */
type Verdicts = readonly [publicRegistry: string, privateRegistry: string, loopbackRegistry: string];
const everywhere = (rule: string): Verdicts => [rule, rule, rule];
const NOWHERE = (found: string): Verdicts => everywhere(`${found}-address`);
const INNER: Verdicts = ['private-address', 'admitted', 'private-address'];
const LOCAL: Verdicts = ['loopback-address', 'loopback-address', 'admitted'];
const ANYWHERE = everywhere('admitted');

describe('where a token may be asked for [A07]', () => {
  it.each([
    ['auth.docker.io', ANYWHERE],
    ['gitlab.example.com', ANYWHERE],
    ['8.8.8.8', ANYWHERE],
    ['1.1.1.1:8443', ANYWHERE],
    ['134744072', ANYWHERE],
    ['0x08080808', ANYWHERE],
    ['[2606:4700::1111]', ANYWHERE],
    ['[::ffff:8.8.8.8]', ANYWHERE],
    ['[64:ff9b::808:808]', ANYWHERE],
    ['[2002:808:808::]', ANYWHERE],
    ['172.15.255.255', ANYWHERE],
    ['172.32.0.1', ANYWHERE],
    ['100.63.255.255', ANYWHERE],
    ['100.128.0.1', ANYWHERE],
    ['126.255.255.255', ANYWHERE],
    ['128.0.0.1', ANYWHERE],
    ['169.253.255.255', ANYWHERE],
    ['10.0.0.1', INNER],
    ['10.255.255.255', INNER],
    ['10.1', INNER],
    ['167772161', INNER],
    ['0xa000001', INNER],
    ['012.0.0.1', INNER],
    ['172.16.0.1', INNER],
    ['172.31.255.255', INNER],
    ['192.168.0.1', INNER],
    ['192.168.1', INNER],
    ['100.64.0.1', INNER],
    ['100.127.255.255', INNER],
    ['[fc00::1]', INNER],
    ['[fd12:3456:789a::1]', INNER],
    ['[fec0::1]', INNER],
    ['[::ffff:10.0.0.1]', INNER],
    ['[::10.0.0.1]', INNER],
    ['[64:ff9b::10.0.0.1]', INNER],
    ['[2002:a00:1::]', INNER],
    ['127.0.0.1', LOCAL],
    ['127.0.0.1.', LOCAL],
    ['127.1', LOCAL],
    ['2130706433', LOCAL],
    ['0x7f.1', LOCAL],
    ['0177.0.0.1', LOCAL],
    ['127.255.255.254', LOCAL],
    ['[::1]', LOCAL],
    ['[0:0:0:0:0:0:0:1]', LOCAL],
    ['[::ffff:127.0.0.1]', LOCAL],
    ['[::ffff:7f00:1]', LOCAL],
    ['[::127.0.0.1]', LOCAL],
    ['[64:ff9b::7f00:1]', LOCAL],
    ['[2002:7f00:1::1]', LOCAL],
    ['169.254.169.254', NOWHERE('metadata')],
    ['2852039166', NOWHERE('metadata')],
    ['0xa9fea9fe', NOWHERE('metadata')],
    ['0251.0376.0251.0376', NOWHERE('metadata')],
    ['[::ffff:169.254.169.254]', NOWHERE('metadata')],
    ['[64:ff9b::a9fe:a9fe]', NOWHERE('metadata')],
    ['[2002:a9fe:a9fe::]', NOWHERE('metadata')],
    ['100.100.100.200', NOWHERE('metadata')],
    ['168.63.129.16', NOWHERE('metadata')],
    ['[fd00:ec2::254]', NOWHERE('metadata')],
    ['[fd20:ce::254]', NOWHERE('metadata')],
    ['169.254.0.1', NOWHERE('link-local')],
    ['169.254.170.2', NOWHERE('link-local')],
    ['[fe80::1]', NOWHERE('link-local')],
    ['[febf::1]', NOWHERE('link-local')],
    ['0.0.0.0', NOWHERE('reserved')],
    ['0', NOWHERE('reserved')],
    ['[::]', NOWHERE('reserved')],
    ['224.0.0.1', NOWHERE('reserved')],
    ['239.255.255.255', NOWHERE('reserved')],
    ['255.255.255.255', NOWHERE('reserved')],
    ['240.0.0.1', NOWHERE('reserved')],
    ['[ff02::1]', NOWHERE('reserved')],
    ['[64:ff9b:1::a00:1]', NOWHERE('reserved')],
    ['[2001:db8::1]', NOWHERE('reserved')],
    ['[2001:0:4136:e378::1]', NOWHERE('reserved')],
    ['192.0.2.1', NOWHERE('reserved')],
    ['198.18.0.1', NOWHERE('reserved')],
  ])('%s: %j [A19]', (host, verdicts) => {
    const realm = `https://${host}/token`;
    expect([PUBLIC, PRIVATE, LOOPBACK].map((registry) => ruleOf(() => admitRealm(realm, registry)))).toEqual(verdicts);
  });

  it('sends nothing to a realm on an inner network, and no password anywhere [A08]', async () => {
    for (const host of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '[::1]', '[fd00:ec2::254]', '100.64.0.1']) {
      const server = createMemoryTransport(() => bearerChallenge(`https://${host}/token`));
      const { session } = connect(server, { credential: credential() });
      await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ code: 'ERR_REQUEST_REFUSED' });
      expect(server.requests.map(authorization)).toEqual([undefined]);
    }
  });

  it.each([
    ['https://169.254.169.254/latest', 'metadata-address'],
    ['https://10.0.0.1/token', 'private-address'],
    ['http://auth.r.example/token', 'scheme-downgrade'],
    ['//auth2.r.example/token', 'foreign-redirect'],
    ['https://u:p@auth.r.example/token', 'user-info'],
  ])('follows no token server to %s [A09]', async (location, rule) => {
    const server = createMemoryTransport((request) =>
      isRealm(request) ? { status: 302, headers: { location } } : bearerChallenge(),
    );
    const { session } = connect(server, { credential: credential() });
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ rule });
    expect(server.requests.length).toBe(2);
  });
});

/** Every place of a URL where a name and a password may stand, or seem to. */
const USER_INFO: readonly string[] = [
  'u:p@evil.example',
  'u@evil.example',
  ':p@evil.example',
  'r.example@evil.example',
  'r.example:443@evil.example',
  '127.0.0.1%2f@evil.example',
  '127.0.0.1%2fv2%2f@evil.example',
  'r.example%00@evil.example',
  'r.example%20@evil.example',
  'r.example%5c@evil.example',
  'r.example%23@evil.example',
  'r.example%3f@evil.example',
  'r.example%40@evil.example',
  'a@b@evil.example',
  'u:p:q@evil.example',
  'u;p@evil.example',
  'u&p@evil.example',
  'u=p@evil.example',
  '[::1]@evil.example',
  'u:@evil.example',
  '%75:%70@evil.example',
];

describe('user info [A18]', () => {
  it.each(USER_INFO)('is nowhere allowed: https://%s/', async (authority) => {
    const url = `https://${authority}/x`;
    const refused = /^(?:user-info|invalid-url)$/;
    expect(ruleOf(() => admitRealm(url, PUBLIC))).toMatch(refused);
    expect(ruleOf(() => admitForeign(url, PUBLIC))).toMatch(refused);
    expect(ruleOf(() => admitUpload(url, `${PUBLIC.origin}/v2/`))).toMatch(refused);
    const server = createMemoryTransport(() => ({ status: 307, headers: { location: url } }));
    const { session } = connect(server, { credential: credential() });
    await expect(openBlob(session, ref, blob)).rejects.toMatchObject({ rule: expect.stringMatching(refused) });
    expect(server.requests.length).toBe(1);
    expect(() => connect(server, { origin: `https://${authority}` })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
    );
  });
});

describe('hosts [A19]', () => {
  it.each([
    ['https://REGISTRY.example.com/t', 'registry.example.com'],
    ['https://registry。example．com/t', 'registry.example.com'],
    ['https://registry.example.com:443/t', 'registry.example.com'],
    ['https://ⓡegistry.example.com/t', 'registry.example.com'],
    ['https://%72egistry.example.com/t', 'registry.example.com'],
  ])('compares %s as a browser reads it', (realm, host) => {
    expect(new URL(realm).hostname).toBe(host);
    // What is not ASCII is refused before; the rest is the registry itself.
    const rule = ruleOf(() => admitRealm(realm, PUBLIC, 'same-origin'));
    expect(rule).toBe(/[^ -~]/.test(realm) ? 'invalid-url' : 'admitted');
  });

  it.each([
    'https://registry.example.com./t',
    'https://registry.example.com:8443/t',
    'https://registry.example.com.evil.example/t',
    'https://xregistry.example.com/t',
    'https://xn--registry-exmple-com.example/t',
    'https://registry-example.com/t',
  ])('takes %s for another host', (realm) => {
    expect(ruleOf(() => admitRealm(realm, PUBLIC, 'same-origin'))).toBe('foreign-realm');
  });

  it('takes no zone for part of an address', () => {
    for (const zone of ['%eth0', '%25eth0', '%1']) expect(classifyAddress(`fe80::1${zone}`)).toBe('link-local');
  });
});

describe('layers that are elsewhere [A05 A06]', () => {
  const evil = 'https://evil.example/layer';

  it.each([
    ['Basic', basicChallenge],
    ['Bearer', bearerChallenge()],
  ])('gives no credential to a layer’s own server that asks for %s', async (_, challenge) => {
    const server = createMemoryTransport((request) => (request.url === evil ? challenge : found));
    const session = open(server.transport);
    const { response } = await session.sendForeign({ url: evil });
    expect(response.status).toBe(401);
    expect(server.requests.map(({ url }) => url)).toEqual([evil]);
    expect(Object.keys(server.requests[0]?.headers ?? {}).toSorted()).toEqual(['accept-encoding', 'user-agent']);
  });

  it.each(['Basic', 'Bearer'])(
    'answers no %s challenge behind a redirect, the first origin again included',
    async (way) => {
      const challenge = way === 'Basic' ? basicChallenge : bearerChallenge();
      const server = createMemoryTransport(({ url }): Reply => {
        if (url.endsWith('/back')) return challenge;
        return { status: 307, headers: { location: url.startsWith(ORIGIN) ? evil : `${ORIGIN}/back` } };
      });
      const { session } = connect(server, { credential: credential() });
      await expect(openBlob(session, ref, blob)).rejects.toMatchObject({ status: 401 });
      expect(server.requests.filter((request) => authorization(request) !== undefined).length).toBe(0);
    },
  );

  it('asks nobody that a layer names, unless told to', async () => {
    const server = createMemoryTransport(() => ({ body: manifest }));
    await openBlob(connect(server).session, ref, { ...blob, urls: [evil] });
    expect(server.requests.map(({ url }) => new URL(url).origin)).toEqual([ORIGIN]);
  });

  it.each([
    ['https://evil.example/layer', 'admitted'],
    ['http://evil.example/layer', 'scheme-downgrade'],
    ['file:///etc/passwd', 'scheme'],
    ['data:,x', 'scheme'],
    ['ftp://evil.example/layer', 'scheme'],
    ['javascript:1', 'scheme'],
    ['https://169.254.169.254/latest', 'metadata-address'],
    ['https://127.0.0.1/layer', 'loopback-address'],
    ['https://10.0.0.1/layer', 'private-address'],
    ['https://u:p@evil.example/layer', 'user-info'],
    ['not a URL', 'invalid-url'],
    ['', 'invalid-url'],
    ['/layer', 'invalid-url'],
  ])('guards what a layer names: %s: %s', (url, rule) => {
    expect(ruleOf(() => admitForeign(url, PUBLIC))).toBe(rule);
    if (rule === 'admitted') expect(admitForeign(url, PUBLIC).allowAddresses).toEqual(['public']);
  });

  it('tells the dialler which addresses a layer’s server may have', async () => {
    const server = createMemoryTransport((request): Reply =>
      request.url.startsWith(ORIGIN) ? { ...found, remoteAddress: '10.0.0.1' } : { body: manifest },
    );
    const session = open(server.transport);
    await session.sendForeign({ url: evil });
    await session.send({ method: 'GET', ref, url: `${ORIGIN}/v2/` });
    await session.sendForeign({ url: evil });
    expect(server.requests.map(({ allowAddresses }) => allowAddresses?.join())).toEqual([
      'public',
      undefined,
      'public,private',
    ]);
  });

  it('shows no more of a foreign layer than where it is [L05]', async () => {
    const server = createMemoryTransport(() => ({ status: 404 }));
    const session = open(server.transport);
    const secret = canary('signed-query');
    const followed = await session.sendForeign({ url: `${evil}/${secret}?sig=${secret}` });
    expect(await session.failure(followed)).toMatchObject({ url: 'https://evil.example/…', status: 404 });
  });
});

describe('uploads [A04]', () => {
  const from = 'https://registry.example.com/v2/app/blobs/uploads/';

  it.each([
    ['/v2/app/blobs/uploads/1?_state=x', 'admitted'],
    ['https://registry.example.com/v2/app/blobs/uploads/1', 'admitted'],
    ['1', 'admitted'],
    ['http://registry.example.com/v2/app/blobs/uploads/1', 'scheme-downgrade'],
    ['https://cdn.example.net/upload', 'foreign-upload'],
    ['https://registry.example.com:8443/upload', 'foreign-upload'],
    ['https://169.254.169.254/upload', 'metadata-address'],
    ['file:///etc/passwd', 'scheme'],
    ['https://[', 'invalid-url'],
    ['/\u0000', 'invalid-url'],
  ])('go on at %s: %s [A01]', (location, rule) => {
    expect(ruleOf(() => admitUpload(location, from))).toBe(rule);
  });

  it('go nowhere but to the registry [A01]', async () => {
    const server = createMemoryTransport(() => found);
    const session = open(server.transport);
    for (const url of [
      'https://evil.example/v2/',
      'http://r.example/v2/',
      'https://r.example:8443/',
      'nonsense',
      '/v2/',
    ]) {
      await expect(session.send({ method: 'PUT', ref, url, body: new Uint8Array(1) })).rejects.toMatchObject({
        rule: 'foreign-origin',
      });
    }
    expect(server.requests.length).toBe(0);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'] as const)('%s is not sent on by a redirect [A01]', async (method) => {
    const server = createMemoryTransport((): Reply => ({
      status: 307,
      headers: { location: 'https://evil.example/' },
    }));
    const { response } = await open(server.transport).send({
      method,
      ref,
      url: `${ORIGIN}/v2/x`,
      body: new Uint8Array(1),
    });
    expect([response.status, server.requests.length]).toEqual([307, 1]);
  });
});

describe('a signed URL that has run out [B11]', () => {
  it.each([401, 403])('is asked for again at the registry after %d', async (status) => {
    let signed = 0;
    const server = createMemoryTransport((request): Reply => {
      if (isRealm(request)) return tokenReply('t');
      if (request.url.startsWith('https://cdn')) return request.url.endsWith('=1') ? { status } : { body: manifest };
      if (authorization(request) === undefined) return bearerChallenge();
      return { status: 307, headers: { location: `https://cdn.example/x?sig=${(signed += 1)}` } };
    });
    const { session } = connect(server, { credential: credential() });
    const { content } = await openBlob(session, ref, blob);
    for await (const chunk of content) expect(chunk.length).toBe(manifest.length);
    expect(signed).toBe(2);
    expect(server.open()).toBe(0);
  });

  it('is asked for again once a request', async () => {
    const server = createMemoryTransport(({ url }): Reply =>
      url.startsWith(ORIGIN) ? { status: 307, headers: { location: 'https://cdn.example/x' } } : { status: 403 },
    );
    await expect(openBlob(connect(server).session, ref, blob)).rejects.toMatchObject({ status: 403 });
    expect(server.requests.length).toBe(4);
  });
});
