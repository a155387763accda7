import { describe, expect, it } from 'vitest';
import { digestOf } from 'kubepull/digest';
import { createRegistryClient, registryOrigin, type TransportRequest } from 'kubepull/distribution';
import { type Credential, createSecret } from 'kubepull/docker-config';
import { RegistryError } from 'kubepull/errors';
import { nodeHasher } from 'kubepull/node';
import { parseReference } from 'kubepull/reference';
import { createFakeClock } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { createMemoryTransport, type MemoryTransport, type Reply } from '../support/memory-transport.ts';

const ORIGIN = 'https://r.example';
const REALM = 'https://auth.r.example/token';
const ref = parseReference('r.example/team/app:1');
const manifest = new TextEncoder().encode('{"schemaVersion":2}');
const mediaType = 'application/vnd.oci.image.manifest.v1+json';
const digest = digestOf(manifest, nodeHasher);
const blob = { mediaType: 'application/octet-stream', digest, size: manifest.length };

const credential = (fields: Partial<Credential> = {}): Credential => ({
  username: 'u',
  password: createSecret(canary('password')),
  identityToken: undefined,
  registryToken: undefined,
  email: undefined,
  ...fields,
});

const found: Reply = { headers: { 'content-type': mediaType }, body: manifest };
const bearerChallenge = (realm = REALM): Reply => ({
  status: 401,
  headers: {
    'www-authenticate': `Bearer realm="${realm}",service="s",scope="repository:other:pull,push registry:catalog:*"`,
  },
});
const basicChallenge: Reply = { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
const tokenReply = (token: string, more: object = {}): Reply => ({ body: JSON.stringify({ token, ...more }) });

const isRealm = ({ url }: TransportRequest): boolean => url.startsWith(REALM);
const authorization = ({ headers }: TransportRequest): string | undefined => headers['authorization'];

function connect(server: MemoryTransport, options: Partial<Parameters<typeof createRegistryClient>[0]> = {}) {
  const clock = createFakeClock();
  const client = createRegistryClient({
    transport: server.transport,
    origin: ORIGIN,
    createHasher: nodeHasher,
    clock: { ...clock, sleep: async () => undefined },
    random: () => 0,
    ...options,
  });
  return { client, clock };
}

describe('createRegistryClient', () => {
  it('asks nobody for credentials when the registry does not', async () => {
    const server = createMemoryTransport(() => found);
    const { client } = connect(server, { credential: credential() });
    expect(await client.fetchManifest(ref)).toEqual({ descriptor: { mediaType, digest, size: 19 }, bytes: manifest });
    expect(server.requests.map(authorization)).toEqual([undefined]);
    expect(server.requests[0]?.url).toBe(`${ORIGIN}/v2/team/app/manifests/1`);
  });

  it('answers Basic once, and from then on by itself', async () => {
    const server = createMemoryTransport((request) => (authorization(request) === undefined ? basicChallenge : found));
    const { client } = connect(server, { credential: credential({ password: createSecret('pä:ss') }) });
    await client.fetchManifest(ref);
    await client.fetchManifest(ref);
    const expected = `Basic ${Buffer.from('u:pä:ss').toString('base64')}`;
    expect(server.requests.map(authorization)).toEqual([undefined, expected, expected]);
    expect(server.open()).toBe(0);
  });

  it('A13 A14 fetches a token for what it needs, whatever the challenge asks for', async () => {
    const token = canary('bearer-token');
    const server = createMemoryTransport((request) =>
      isRealm(request) ? tokenReply(token) : authorization(request) === undefined ? bearerChallenge() : found,
    );
    const { client } = connect(server, { credential: credential() });
    await client.fetchManifest(ref);
    await client.fetchManifest(ref);
    const [, asked, ...rest] = server.requests;
    const url = new URL(asked?.url ?? '');
    expect([...url.searchParams]).toEqual([
      ['service', 's'],
      ['scope', 'repository:team/app:pull'],
    ]);
    expect(asked && authorization(asked)).toMatch(/^Basic /);
    expect(asked?.allowAddresses).toEqual(['public']);
    expect(rest.map((request) => authorization(request) === `Bearer ${token}`)).toEqual([true, true]);
  });

  it('A14 puts hostile parameters into the query as they are', async () => {
    for (const service of ['a&account=root', 'a#b', 'a b', 'ä', '%26', '"quoted"', 'x=1', '../..', '+']) {
      const quoted = service.replaceAll('"', '\\"');
      const server = createMemoryTransport((request) =>
        isRealm(request)
          ? tokenReply('t')
          : { status: 401, headers: { 'www-authenticate': `Bearer realm="${REALM}",service="${quoted}"` } },
      );
      await connect(server)
        .client.fetchManifest(ref)
        .catch(() => undefined);
      const url = new URL(server.requests[1]?.url ?? '');
      expect([...url.searchParams.keys()]).toEqual(['service', 'scope']);
      expect(url.searchParams.get('service')).toBe(service);
    }
  });

  it('trades an identity token by POST, and shows a registry token as it is', async () => {
    const identity = canary('identity-token');
    const server = createMemoryTransport((request) =>
      isRealm(request)
        ? { body: '{"access_token":"t"}' }
        : authorization(request) === undefined
          ? bearerChallenge()
          : found,
    );
    await connect(server, { credential: credential({ identityToken: createSecret(identity) }) }).client.fetchManifest(
      ref,
    );
    const post = server.requests[1];
    expect(post).toMatchObject({ method: 'POST', url: REALM });
    const form = new URLSearchParams(new TextDecoder().decode(post?.body));
    expect(form.get('refresh_token') === identity && form.get('grant_type')).toBe('refresh_token');

    const registryToken = canary('registry-token');
    const direct = createMemoryTransport(() => found);
    await connect(direct, {
      credential: credential({ registryToken: createSecret(registryToken) }),
    }).client.fetchManifest(ref);
    expect(direct.requests.map((request) => authorization(request) === `Bearer ${registryToken}`)).toEqual([true]);
  });

  it('sends nothing for an entry without user and password', async () => {
    const server = createMemoryTransport(() => basicChallenge);
    const empty = credential({ username: '', password: createSecret('') });
    await expect(connect(server, { credential: empty }).client.fetchManifest(ref)).rejects.toMatchObject({
      status: 401,
    });
    expect(server.requests).toHaveLength(1);
  });

  it('A23 uses a token for nine tenths of its lifetime, on a clock that does not jump', async () => {
    let issued = 0;
    const server = createMemoryTransport((request) =>
      isRealm(request)
        ? tokenReply(`t${(issued += 1)}`, { expires_in: 300 })
        : authorization(request) === undefined
          ? bearerChallenge()
          : found,
    );
    const { client, clock } = connect(server);
    await client.fetchManifest(ref);
    await clock.advance(269_000);
    clock.setWallClock(0);
    await client.fetchManifest(ref);
    expect(issued).toBe(1);
    await clock.advance(2_000);
    await client.fetchManifest(ref);
    expect(issued).toBe(2);
  });

  it.each([
    ['{"Token":"x"}'],
    ['{"TOKEN":"x","Access_Token":"y"}'],
    ['{}'],
    ['[]'],
    ['null'],
    ['"x"'],
    [''],
    ['{"token":""}'],
    ['{"token":5}'],
    ['{"token":null}'],
    ['{"token":{"a":1}}'],
    ['{"token":"a b"}'],
    ['{"token":"a\\r\\nX-Evil: 1"}'],
    ['{"token":"ä"}'],
    [`{"token":"${'x'.repeat(65_537)}"}`],
    [`{"token":"x","pad":"${'x'.repeat(140_000)}"}`],
    ['{"token":"x"'],
    ['<html>login</html>'],
  ])('A09 A23 takes no token from reply %#', async (body) => {
    const server = createMemoryTransport((request) => (isRealm(request) ? { body } : bearerChallenge()));
    await expect(connect(server).client.fetchManifest(ref)).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
    expect(server.requests).toHaveLength(2);
    expect(server.open()).toBe(0);
  });

  it.each([[-1], [1e308], ['60'], [null], [0.5], [0]])('A23 survives expires_in %j', async (expires_in) => {
    const server = createMemoryTransport((request) =>
      isRealm(request)
        ? tokenReply('t', { expires_in })
        : authorization(request) === undefined
          ? bearerChallenge()
          : found,
    );
    const { client, clock } = connect(server);
    await client.fetchManifest(ref);
    await client.fetchManifest(ref);
    expect(server.requests.filter(isRealm)).toHaveLength(1);
    await clock.advance(24 * 3600 * 1000);
    await client.fetchManifest(ref);
    expect(server.requests.filter(isRealm)).toHaveLength(2);
  });

  it('A07 asks no realm at an inner address', async () => {
    const server = createMemoryTransport(() => bearerChallenge('https://169.254.169.254/token'));
    const { client } = connect(server, { credential: credential() });
    await expect(client.fetchManifest(ref)).rejects.toMatchObject({
      code: 'ERR_REQUEST_REFUSED',
      rule: 'metadata-address',
    });
    expect(server.requests).toHaveLength(1);
  });

  it('A07 lets a registry on an inner network have its realm there', async () => {
    const server = createMemoryTransport((request): Reply =>
      isRealm(request)
        ? tokenReply('t')
        : authorization(request) === undefined
          ? { ...bearerChallenge(), remoteAddress: '10.0.0.5' }
          : found,
    );
    await connect(server).client.fetchManifest(ref);
    expect(server.requests[1]?.allowAddresses).toEqual(['public', 'private']);
  });

  it('A09 follows redirects of the token server within its origin only', async () => {
    const server = createMemoryTransport((request) =>
      isRealm(request) ? { status: 302, headers: { location: 'https://elsewhere.example/token' } } : bearerChallenge(),
    );
    await expect(connect(server).client.fetchManifest(ref)).rejects.toMatchObject({ rule: 'foreign-redirect' });
    expect(server.requests).toHaveLength(2);
  });

  it('A05 answers no challenge of a redirect target', async () => {
    for (const challenge of [basicChallenge, bearerChallenge()]) {
      const server = createMemoryTransport(({ url }): Reply =>
        url.startsWith(ORIGIN) ? { status: 307, headers: { location: 'https://cdn.example/x' } } : challenge,
      );
      const { client } = connect(server, { credential: credential() });
      await expect(client.fetchBlob(ref, blob)).rejects.toMatchObject({ status: 401 });
      expect(server.requests.map(authorization)).toEqual([undefined, undefined]);
    }
  });

  it('A16 does not hand the password to a registry that took a token before', async () => {
    const server = createMemoryTransport((request) =>
      isRealm(request) ? tokenReply('t') : server.requests.length === 1 ? bearerChallenge() : basicChallenge,
    );
    const { client } = connect(server, { credential: credential() });
    await expect(client.fetchManifest(ref)).rejects.toMatchObject({ status: 401 });
    await expect(client.fetchManifest(ref)).rejects.toMatchObject({ status: 401 });
    const toRegistry = server.requests.filter((request) => !isRealm(request));
    expect(toRegistry.filter((request) => authorization(request)?.startsWith('Basic'))).toEqual([]);
  });

  it('B10 answers a challenge once a request, also when it is refused', async () => {
    const server = createMemoryTransport(() => basicChallenge);
    const { client } = connect(server, { credential: credential() });
    await expect(client.fetchManifest(ref)).rejects.toBeInstanceOf(RegistryError);
    expect(server.requests.length).toBe(2);
  });

  it.each(['a\r\nb', 'a\u0000b', 'a\u007fb'])(
    'A22 sends no credential with control characters: %j',
    async (password) => {
      const server = createMemoryTransport(() => basicChallenge);
      const { client } = connect(server, { credential: credential({ password: createSecret(password) }) });
      const error = await client.fetchManifest(ref).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID' });
      expect((error as Error).message).not.toContain(password);
      expect(server.requests).toHaveLength(1);
    },
  );

  it('A22 sends no user name with a colon', async () => {
    const server = createMemoryTransport(() => basicChallenge);
    const { client } = connect(server, { credential: credential({ username: 'a:b' }) });
    await expect(client.fetchManifest(ref)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });

  it('A24 fetches a new token when the registry takes the old one no more', async () => {
    let valid = 0;
    const server = createMemoryTransport((request) => {
      if (isRealm(request)) return tokenReply(`t${(valid += 1)}`, { expires_in: 3600 });
      return authorization(request) === `Bearer t${valid}` && valid > 0 ? found : bearerChallenge();
    });
    const { client } = connect(server);
    await client.fetchManifest(ref);
    valid = 7; // As after a restart of the token server.
    await client.fetchManifest(ref);
    expect(server.requests.filter(isRealm)).toHaveLength(2);
  });

  it('L06 masks what a server reflects, and keeps control characters out', async () => {
    const own = credential();
    const server = createMemoryTransport((request) => {
      const sent = authorization(request);
      if (sent === undefined) return basicChallenge;
      const message = `${sent}\u001b[31m\r\n${own.password.reveal()} ${encodeURIComponent(own.password.reveal())}`;
      return { status: 403, body: JSON.stringify({ errors: [{ code: 'DENIED', message, detail: sent }] }) };
    });
    const { client } = connect(server, { credential: own });
    const error = (await client.fetchManifest(ref).catch((caught: unknown) => caught)) as RegistryError;
    expect(error).toMatchObject({ status: 403, retryable: false });
    expect(error.diagnostics[0]).toEqual({
      code: 'DENIED',
      message: 'Basic [redacted]\\x1b[31m\\x0d\\x0a[redacted] [redacted]',
    });
  });

  it('L06 M04 reads 8 KiB of an error body and shows 512 characters', async () => {
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode(`{"errors":[{"code":"X","message":"${'y'.repeat(2000)}"}]}`);
    };
    const long = createMemoryTransport(() => ({ status: 404, body: endless() }));
    const error = (await connect(long)
      .client.fetchManifest(ref)
      .catch((caught: unknown) => caught)) as RegistryError;
    expect(error.diagnostics[0]?.message.length).toBe(513);
    let sent = 0;
    const flood = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        sent += 1024;
        yield new Uint8Array(1024);
      }
    };
    const flooding = createMemoryTransport(() => ({ status: 500, body: flood() }));
    await expect(connect(flooding).client.fetchManifest(ref)).rejects.toMatchObject({ status: 500, retryable: true });
    expect(sent).toBeLessThanOrEqual(16 * 1024);
    expect(flooding.open()).toBe(0);
  });

  it('L05 shows no query of a redirect target in an error', async () => {
    const server = createMemoryTransport(({ url }): Reply =>
      url.startsWith(ORIGIN)
        ? { status: 307, headers: { location: `https://cdn.example/x?X-Amz-Signature=${canary('signed-query')}` } }
        : { status: 403 },
    );
    const error = (await connect(server)
      .client.fetchBlob(ref, blob)
      .catch((caught: unknown) => caught)) as RegistryError;
    expect(error.url).toBe('https://cdn.example/x');
  });

  it('surfaces Retry-After and what may be repeated', async () => {
    const server = createMemoryTransport(() => ({ status: 429, headers: { 'retry-after': '7' } }));
    const error = await connect(server)
      .client.fetchManifest(ref)
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ status: 429, retryable: true, retryAfterMs: 7000 });
    expect(server.requests).toHaveLength(5);
  });
});

describe('RegistryClient.fetchManifest', () => {
  const byDigest = { ...ref, tag: undefined, digest };

  it('M02 refuses other bytes than the digest that was asked for', async () => {
    const lie: Reply = {
      ...found,
      headers: { 'content-type': mediaType, 'docker-content-digest': digest },
      body: '{}',
    };
    const { client } = connect(createMemoryTransport(() => lie));
    await expect(client.fetchManifest(byDigest)).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
    await expect(client.fetchManifest(ref)).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
  });

  it('M02 verifies with the algorithm of the digest', async () => {
    const sha512 = digestOf(manifest, nodeHasher, 'sha512');
    const { client } = connect(createMemoryTransport(() => found));
    expect((await client.fetchManifest({ ...byDigest, digest: sha512 })).descriptor.digest).toBe(sha512);
  });

  it('M04 stops at 4 MiB', async () => {
    let sent = 0;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        sent += 65_536;
        yield new Uint8Array(65_536);
      }
    };
    const server = createMemoryTransport(() => ({ ...found, body: endless() }));
    await expect(connect(server).client.fetchManifest(ref)).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
    expect(sent).toBeLessThan(4 * 1024 * 1024 + 200_000);
    expect(server.open()).toBe(0);
  });

  it.each(['gzip', 'br', 'deflate', 'zstd', 'identity, gzip'])('M06 refuses Content-Encoding %s', async (encoding) => {
    const reply: Reply = { ...found, headers: { 'content-type': mediaType, 'content-encoding': encoding } };
    const server = createMemoryTransport(() => reply);
    const { client } = connect(server);
    await expect(client.fetchManifest(ref)).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
    await expect(client.fetchBlob(ref, blob)).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
    expect(server.requests[0]?.headers['accept-encoding']).toBe('identity');
    expect(server.open()).toBe(0);
  });

  it('M09 takes 200 and nothing else', async () => {
    for (let status = 201; status < 600; status += 1) {
      if ([408, 429, 500, 502, 503, 504].includes(status)) continue;
      const { client } = connect(createMemoryTransport(() => ({ ...found, status })));
      await expect(client.fetchManifest(ref)).rejects.toMatchObject({ code: 'ERR_REGISTRY_RESPONSE', status });
    }
  });

  it('refuses a manifest without a type', async () => {
    const { client } = connect(createMemoryTransport(() => ({ body: manifest })));
    await expect(client.fetchManifest(ref)).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
  });
});

describe('RegistryClient.resolve', () => {
  it('needs no body when the headers say all', async () => {
    const headers = {
      'content-type': `${mediaType}; charset=utf-8`,
      'docker-content-digest': digest,
      'content-length': '19',
    };
    const server = createMemoryTransport(() => ({ headers }));
    expect(await connect(server).client.resolve(ref)).toEqual({ mediaType, digest, size: 19 });
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD']);
    expect(server.open()).toBe(0);
  });

  it.each(['content-type', 'docker-content-digest', 'content-length'])(
    'fetches the manifest when %s is missing',
    async (name) => {
      const headers = { 'content-type': mediaType, 'docker-content-digest': digest, 'content-length': '19' };
      const server = createMemoryTransport(({ method }) =>
        method === 'HEAD'
          ? { headers: Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name)) }
          : found,
      );
      expect((await connect(server).client.resolve(ref)).digest).toBe(digest);
      expect(server.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
    },
  );
});

describe('RegistryClient.fetchBlob', () => {
  const ranged = (contentRange: string | undefined, status = 206): Reply => ({
    status,
    headers: contentRange === undefined ? {} : { 'content-range': contentRange },
    body: manifest.slice(5),
  });

  it('asks for the rest of a blob, and takes it', async () => {
    const server = createMemoryTransport(() => ranged('bytes 5-18/19'));
    const { offset, content } = await connect(server).client.fetchBlob(ref, blob, { offset: 5 });
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    expect([offset, Buffer.concat(chunks).length]).toEqual([5, 14]);
    expect(server.requests[0]?.headers['range']).toBe('bytes=5-');
  });

  it('B03 starts over when the registry ignores the range', async () => {
    const server = createMemoryTransport(() => ({ body: manifest }));
    expect((await connect(server).client.fetchBlob(ref, blob, { offset: 5 })).offset).toBe(0);
  });

  it.each([
    ['bytes 0-18/19'],
    ['bytes 6-18/19'],
    ['bytes 5-17/19'],
    ['bytes 5-18/20'],
    ['bytes 5-18/*'],
    ['bytes */19'],
    ['octets 5-18/19'],
    [undefined],
  ])('B03 starts over after the range %s', async (contentRange) => {
    const server = createMemoryTransport(({ headers }) =>
      headers['range'] === undefined ? { body: manifest } : ranged(contentRange),
    );
    const { offset, content } = await connect(server).client.fetchBlob(ref, blob, { offset: 5 });
    expect([offset, server.requests.length]).toEqual([0, 2]);
    for await (const chunk of content) expect(chunk).toHaveLength(19);
    expect(server.open()).toBe(0);
  });

  it('B04 starts over after 416', async () => {
    const server = createMemoryTransport(({ headers }) =>
      headers['range'] === undefined ? { body: manifest } : { status: 416 },
    );
    expect((await connect(server).client.fetchBlob(ref, blob, { offset: 5 })).offset).toBe(0);
  });

  it('B03 takes no part that it did not ask for', async () => {
    const server = createMemoryTransport(() => ranged('bytes 0-18/19'));
    await expect(connect(server).client.fetchBlob(ref, blob)).rejects.toMatchObject({ status: 206 });
    expect(server.open()).toBe(0);
  });
});

describe('registryOrigin', () => {
  it.each([
    ['docker.io', {}, 'https://registry-1.docker.io'],
    ['r.example', {}, 'https://r.example'],
    ['r.example:5000', {}, 'https://r.example:5000'],
    ['r.example:443', {}, 'https://r.example'],
    ['r.example', { plainHttp: true }, 'http://r.example'],
    ['[::1]:5000', { plainHttp: true }, 'http://[::1]:5000'],
    ['MyHost', {}, 'https://myhost'],
  ])('%s %j is %s', (domain, options, origin) => {
    expect(registryOrigin(domain, options)).toBe(origin);
  });

  it.each(['', 'a/b', 'u@h', 'a b', 'a?b', 'a#b', 'h:99999', 'a\\b', '[:]', 'ä.example'])(
    'C08 refuses %j',
    (domain) => {
      expect(() => registryOrigin(domain)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }));
    },
  );
});
