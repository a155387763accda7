import { describe, expect, it } from 'vitest';
import { openBlob, readManifestBytes } from 'kubepull/distribution';
import { RegistryError } from 'kubepull/errors';
import { createSecret } from 'kubepull/docker-config';
import { canary } from '../../support/canary.ts';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import {
  ORIGIN,
  REALM,
  authorization,
  basicChallenge,
  bearerChallenge,
  blob,
  connect,
  credential,
  digest,
  found,
  isRealm,
  manifest,
  mediaType,
  ref,
  tokenReply,
} from '../support.ts';

/** Every character that no header may have. */
const CONTROLS = [...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)), '\u007f'];

/** Values that would change a query, a header or a path if they were pasted into it. */
const HOSTILE: readonly string[] = [
  ...'&=#?/\\%+;:@!$\'()*,[]{}|^~`<> .-_"',
  'a&account=root',
  'a&scope=repository:other:push',
  'a#b',
  '%26',
  '%0d%0a',
  '../../..',
  '//evil.example',
  '"quoted"',
  '\\"',
  '',
];

describe('createRegistrySession', () => {
  it('asks nobody for credentials when the registry does not', async () => {
    const server = createMemoryTransport(() => found);
    const { session } = connect(server, { credential: credential() });
    expect(await readManifestBytes(session, ref)).toEqual({
      descriptor: { mediaType, digest, size: 19 },
      bytes: manifest,
    });
    expect(server.requests.map(authorization)).toEqual([undefined]);
    expect(server.requests[0]?.url).toBe(`${ORIGIN}/v2/team/app/manifests/1`);
  });

  it('answers Basic once, and from then on by itself', async () => {
    const server = createMemoryTransport((request) => (authorization(request) === undefined ? basicChallenge : found));
    const { session } = connect(server, { credential: credential({ password: createSecret('pä:ss') }) });
    await readManifestBytes(session, ref);
    await readManifestBytes(session, ref);
    const expected = `Basic ${Buffer.from('u:pä:ss').toString('base64')}`;
    expect(server.requests.map(authorization)).toEqual([undefined, expected, expected]);
    expect(server.open()).toBe(0);
  });

  it('fetches a token for what it needs, whatever the challenge asks for [A13 A14]', async () => {
    const token = canary('bearer-token');
    const server = createMemoryTransport((request) =>
      isRealm(request) ? tokenReply(token) : authorization(request) === undefined ? bearerChallenge() : found,
    );
    const { session } = connect(server, { credential: credential() });
    await readManifestBytes(session, ref);
    await readManifestBytes(session, ref);
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

  it('puts hostile parameters into the query as they are [A14]', async () => {
    for (const service of HOSTILE) {
      const quoted = service.replaceAll(/["\\]/g, '\\$&');
      const server = createMemoryTransport((request) =>
        isRealm(request)
          ? tokenReply('t')
          : { status: 401, headers: { 'www-authenticate': `Bearer realm="${REALM}",service="${quoted}"` } },
      );
      await readManifestBytes(connect(server).session, ref).catch(() => undefined);
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
    await readManifestBytes(
      connect(server, { credential: credential({ identityToken: createSecret(identity) }) }).session,
      ref,
    );
    const post = server.requests[1];
    expect(post).toMatchObject({ method: 'POST', url: REALM });
    const form = new URLSearchParams(new TextDecoder().decode(post?.body as Uint8Array));
    expect(form.get('refresh_token') === identity && form.get('grant_type')).toBe('refresh_token');

    const registryToken = canary('registry-token');
    const direct = createMemoryTransport(() => found);
    await readManifestBytes(
      connect(direct, {
        credential: credential({ registryToken: createSecret(registryToken) }),
      }).session,
      ref,
    );
    expect(direct.requests.map((request) => authorization(request) === `Bearer ${registryToken}`)).toEqual([true]);
  });

  it('sends nothing for an entry without user and password', async () => {
    const server = createMemoryTransport(() => basicChallenge);
    const empty = credential({ username: '', password: createSecret('') });
    await expect(readManifestBytes(connect(server, { credential: empty }).session, ref)).rejects.toMatchObject({
      status: 401,
    });
    expect(server.requests).toHaveLength(1);
  });

  it('uses a token for nine tenths of its lifetime, on a clock that does not jump [A23]', async () => {
    let issued = 0;
    const server = createMemoryTransport((request) =>
      isRealm(request)
        ? tokenReply(`t${(issued += 1)}`, { expires_in: 300 })
        : authorization(request) === undefined
          ? bearerChallenge()
          : found,
    );
    const { session, clock } = connect(server);
    await readManifestBytes(session, ref);
    await clock.advance(269_000);
    clock.setWallClock(0);
    await readManifestBytes(session, ref);
    expect(issued).toBe(1);
    await clock.advance(2_000);
    await readManifestBytes(session, ref);
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
    ['{"token":"x"}{"token":"y"}'],
    ['{"token":"x",}'],
    ["{'token':'x'}"],
    ['{"token":["x"]}'],
    ['{"token":true}'],
    ['{"access_token":"a\\u0000b"}'],
    ['{"access_token":"a\\tb"}'],
    ['{"token":" x"}'],
    ['{"token":"x\\n"}'],
    ['{"token":"\\u007f"}'],
    ['{"token":"\\ud800"}'],
    ['{"data":{"token":"x"}}'],
    ['[{"token":"x"}]'],
    ['token=x'],
    ['\ufeff{"token":"x"}'],
    ['['.repeat(100_000)],
    ['{"a":'.repeat(1000)],
    ['\u0000'],
    ['<html>login</html>'],
  ])('takes no token from reply %# [A09 A23]', async (body) => {
    const server = createMemoryTransport((request) => (isRealm(request) ? { body } : bearerChallenge()));
    await expect(readManifestBytes(connect(server).session, ref)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_DOCUMENT',
    });
    expect(server.requests).toHaveLength(2);
    expect(server.open()).toBe(0);
  });

  it.each([[-1], [1e308], ['60'], [null], [0.5], [0]])('survives expires_in %j [A23]', async (expires_in) => {
    const server = createMemoryTransport((request) =>
      isRealm(request)
        ? tokenReply('t', { expires_in })
        : authorization(request) === undefined
          ? bearerChallenge()
          : found,
    );
    const { session, clock } = connect(server);
    await readManifestBytes(session, ref);
    await readManifestBytes(session, ref);
    expect(server.requests.filter(isRealm)).toHaveLength(1);
    await clock.advance(24 * 3600 * 1000);
    await readManifestBytes(session, ref);
    expect(server.requests.filter(isRealm)).toHaveLength(2);
  });

  it('asks no realm at an inner address [A07]', async () => {
    const server = createMemoryTransport(() => bearerChallenge('https://169.254.169.254/token'));
    const { session } = connect(server, { credential: credential() });
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({
      code: 'ERR_REQUEST_REFUSED',
      rule: 'metadata-address',
    });
    expect(server.requests).toHaveLength(1);
  });

  it('lets a registry on an inner network have its realm there [A07]', async () => {
    const server = createMemoryTransport((request): Reply =>
      isRealm(request)
        ? tokenReply('t')
        : authorization(request) === undefined
          ? { ...bearerChallenge(), remoteAddress: '10.0.0.5' }
          : found,
    );
    await readManifestBytes(connect(server).session, ref);
    expect(server.requests[1]?.allowAddresses).toEqual(['public', 'private']);
  });

  it('follows redirects of the token server within its origin only [A09]', async () => {
    const server = createMemoryTransport((request) =>
      isRealm(request) ? { status: 302, headers: { location: 'https://elsewhere.example/token' } } : bearerChallenge(),
    );
    await expect(readManifestBytes(connect(server).session, ref)).rejects.toMatchObject({ rule: 'foreign-redirect' });
    expect(server.requests).toHaveLength(2);
  });

  it('does not hand the password to a registry that took a token before [A16]', async () => {
    const server = createMemoryTransport((request) =>
      isRealm(request) ? tokenReply('t') : server.requests.length === 1 ? bearerChallenge() : basicChallenge,
    );
    const { session } = connect(server, { credential: credential() });
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ status: 401 });
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ status: 401 });
    const toRegistry = server.requests.filter((request) => !isRealm(request));
    expect(toRegistry.filter((request) => authorization(request)?.startsWith('Basic'))).toEqual([]);
  });

  it('answers a challenge once a request, also when it is refused [B10]', async () => {
    const server = createMemoryTransport(() => basicChallenge);
    const { session } = connect(server, { credential: credential() });
    await expect(readManifestBytes(session, ref)).rejects.toBeInstanceOf(RegistryError);
    expect(server.requests.length).toBe(2);
  });

  it.each(CONTROLS.map((control) => `a${control}b`))(
    'sends no credential with control characters: %j [A22]',
    async (password) => {
      const server = createMemoryTransport(() => basicChallenge);
      const { session } = connect(server, { credential: credential({ password: createSecret(password) }) });
      const error = await readManifestBytes(session, ref).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'ERR_REQUEST_REFUSED', rule: 'unsendable-credential', url: ORIGIN });
      expect((error as Error).message).not.toContain(password);
      expect(server.requests).toHaveLength(1);
    },
  );

  it('sends no user name with a colon [A22]', async () => {
    const server = createMemoryTransport(() => basicChallenge);
    const { session } = connect(server, { credential: credential({ username: 'a:b' }) });
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ rule: 'unsendable-credential' });
    expect(server.requests).toHaveLength(1);
  });

  it('fetches a new token when the registry takes the old one no more [A24]', async () => {
    let valid = 0;
    const server = createMemoryTransport((request) => {
      if (isRealm(request)) return tokenReply(`t${(valid += 1)}`, { expires_in: 3600 });
      return authorization(request) === `Bearer t${valid}` && valid > 0 ? found : bearerChallenge();
    });
    const { session } = connect(server);
    await readManifestBytes(session, ref);
    valid = 7; // As after a restart of the token server.
    await readManifestBytes(session, ref);
    expect(server.requests.filter(isRealm)).toHaveLength(2);
  });

  it.each(['ä', 'a\u0000', 'a\rb', '\u007f', '€'])('asks no realm for the service %j [A14]', async (service) => {
    const server = createMemoryTransport(() => ({
      status: 401,
      headers: { 'www-authenticate': `Bearer realm="${REALM}",service="${service}"` },
    }));
    await expect(readManifestBytes(connect(server).session, ref)).rejects.toMatchObject({ rule: 'invalid-service' });
    expect(server.requests).toHaveLength(1);
  });

  it('lets the realm’s own query ask for no more [A13]', async () => {
    const realm = `${REALM}?keep=1&scope=repository:other:push&scope=registry:catalog:*&service=evil`;
    const server = createMemoryTransport((request) => (isRealm(request) ? tokenReply('t') : bearerChallenge(realm)));
    await expect(readManifestBytes(connect(server).session, ref)).rejects.toMatchObject({ status: 401 });
    expect([...new URL(server.requests[1]?.url ?? '').searchParams]).toEqual([
      ['keep', '1'],
      ['service', 's'],
      ['scope', 'repository:team/app:pull'],
    ]);
  });

  it('answers Basic for each of many first requests at once [A16]', async () => {
    const server = createMemoryTransport((request) => (authorization(request) === undefined ? basicChallenge : found));
    const { session } = connect(server, { credential: credential() });
    await Promise.all([
      readManifestBytes(session, ref),
      readManifestBytes(session, ref),
      readManifestBytes(session, ref),
    ]);
    expect(server.requests.length).toBe(6);
    expect(server.open()).toBe(0);
  });

  it('does not hand the password to a registry whose token server refused it [A16]', async () => {
    const server = createMemoryTransport((request) =>
      isRealm(request) ? { status: 401 } : server.requests.length === 1 ? bearerChallenge() : basicChallenge,
    );
    const { session } = connect(server, { credential: credential() });
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ status: 401, url: REALM });
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ status: 401 });
    const toRegistry = server.requests.filter((request) => !isRealm(request));
    expect(toRegistry.map(authorization)).toEqual([undefined, undefined]);
  });

  it('asks no token server for a registry that took the password before [A16]', async () => {
    const server = createMemoryTransport((request) =>
      server.requests.length > 2 ? bearerChallenge() : authorization(request) === undefined ? basicChallenge : found,
    );
    const { session } = connect(server, { credential: credential() });
    await readManifestBytes(session, ref);
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ status: 401 });
    expect(server.requests.filter(isRealm)).toEqual([]);
  });

  it('sends a refused password no more than once a call [A20]', async () => {
    const server = createMemoryTransport(() => basicChallenge);
    const { session } = connect(server, { credential: credential() });
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ status: 401 });
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ status: 401 });
    expect(server.requests.map((request) => authorization(request) !== undefined)).toEqual([false, true, true]);
  });

  it('takes no encoded token [M06]', async () => {
    const server = createMemoryTransport((request) =>
      isRealm(request) ? { ...tokenReply('t'), headers: { 'content-encoding': 'gzip' } } : bearerChallenge(),
    );
    await expect(readManifestBytes(connect(server).session, ref)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_DOCUMENT',
    });
    expect(server.open()).toBe(0);
  });

  it('takes a token where both ways are offered [A16]', async () => {
    const both: Reply = { status: 401, headers: { 'www-authenticate': `Basic realm="r", Bearer realm="${REALM}"` } };
    const server = createMemoryTransport((request) =>
      isRealm(request) ? tokenReply('t') : authorization(request) === undefined ? both : found,
    );
    await readManifestBytes(connect(server, { credential: credential() }).session, ref);
    expect(server.requests.map((request) => authorization(request)?.split(' ')[0])).toEqual([
      undefined,
      'Basic',
      'Bearer',
    ]);
  });

  it('shares no token between the clients of two credentials [A11]', async () => {
    const server = createMemoryTransport((request) => {
      if (isRealm(request)) return authorization(request) === undefined ? { status: 403 } : tokenReply('for-u');
      return authorization(request) === undefined ? bearerChallenge() : found;
    });
    await readManifestBytes(connect(server, { credential: credential() }).session, ref);
    await expect(readManifestBytes(connect(server).session, ref)).rejects.toMatchObject({ status: 403, url: REALM });
  });

  it('shows a realm what it is to have, and not what another gave [A10]', async () => {
    const other = 'https://auth2.r.example/token';
    let asked = 0;
    const server = createMemoryTransport((request) => {
      if (!request.url.startsWith(ORIGIN)) return tokenReply(`of-${new URL(request.url).hostname}`);
      return (asked += 1) % 2 === 1 ? bearerChallenge(asked === 1 ? REALM : other) : found;
    });
    const { session } = connect(server, { credential: credential() });
    await readManifestBytes(session, ref);
    await readManifestBytes(session, ref);
    const toRealms = server.requests.filter(({ url }) => !url.startsWith(ORIGIN));
    expect(toRealms.map(({ url }) => new URL(url).origin)).toEqual([
      'https://auth.r.example',
      'https://auth2.r.example',
    ]);
    expect(toRealms.every((request) => authorization(request)?.startsWith('Basic '))).toBe(true);
  });

  it('follows three redirects of the token server and no more [A09]', async () => {
    const hops = (length: number) =>
      createMemoryTransport((request): Reply => {
        if (!isRealm(request)) return authorization(request) === undefined ? bearerChallenge() : found;
        const hop = Number(new URL(request.url).searchParams.get('hop') ?? 0);
        return hop === length ? tokenReply('t') : { status: 302, headers: { location: `/token?hop=${hop + 1}` } };
      });
    const three = hops(3);
    await readManifestBytes(connect(three, { credential: credential() }).session, ref);
    // The password stays with its realm, and the name is held to the same addresses at every hop.
    const asked = three.requests.filter(isRealm);
    expect(asked.map((request) => authorization(request)?.startsWith('Basic '))).toEqual([true, true, true, true]);
    expect(asked.map(({ allowAddresses }) => allowAddresses?.join())).toEqual(Array(4).fill('public'));
    const four = hops(4);
    await expect(readManifestBytes(connect(four).session, ref)).rejects.toMatchObject({ rule: 'too-many-redirects' });
  });

  it.each([302, 307, 308])('sends a refresh token to nobody else on %d [A09]', async (status) => {
    const server = createMemoryTransport((request) =>
      isRealm(request) ? { status, headers: { location: '/elsewhere' } } : bearerChallenge(),
    );
    const own = credential({ identityToken: createSecret(canary('identity-token')) });
    await expect(readManifestBytes(connect(server, { credential: own }).session, ref)).rejects.toMatchObject({
      status,
    });
    expect(server.requests).toHaveLength(2);
  });

  it('asks a busy token server again by GET, but never by POST [B10]', async () => {
    const busy = () => createMemoryTransport((request) => (isRealm(request) ? { status: 503 } : bearerChallenge()));
    const get = busy();
    await expect(readManifestBytes(connect(get, { credential: credential() }).session, ref)).rejects.toMatchObject({
      status: 503,
      retryable: true,
    });
    const post = busy();
    const own = credential({ identityToken: createSecret(canary('identity-token')) });
    await expect(readManifestBytes(connect(post, { credential: own }).session, ref)).rejects.toMatchObject({
      status: 503,
    });
    expect([get.requests.length, post.requests.length]).toEqual([6, 2]);
  });

  it('answers no challenge of a token server [A05]', async () => {
    const server = createMemoryTransport(() => bearerChallenge());
    await expect(readManifestBytes(connect(server, { credential: credential() }).session, ref)).rejects.toMatchObject({
      status: 401,
      url: REALM,
    });
    expect(server.requests.length).toBe(2);
  });

  it('asks a realm by the policy that it is given [A07]', async () => {
    const server = createMemoryTransport((request) => (isRealm(request) ? tokenReply('t') : bearerChallenge()));
    const { session } = connect(server, { credential: credential(), realmPolicy: 'same-origin' });
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ rule: 'foreign-realm' });
    expect(server.requests).toHaveLength(1);
  });

  it.each(['/v2/team/app/..;/..;/other/app/blobs/x', '/v2/team/app/;/blobs/x', '/v2/team/app/%2e%2e/x'])(
    'takes a credential for one repository to no path that a server may read as another: %s',
    async (location) => {
      const server = createMemoryTransport((request) => {
        if (authorization(request) === undefined && server.requests.length === 1) return basicChallenge;
        return request.url.endsWith(digest) ? { status: 307, headers: { location } } : { body: manifest };
      });
      await openBlob(connect(server, { credential: credential() }).session, ref, blob);
      expect(server.requests.map((request) => authorization(request) !== undefined)).toEqual([false, true, false]);
    },
  );

  it.each([
    [undefined, false],
    [true, false],
    [false, true],
  ])('with pathScoped %s takes a credential to another repository: %s [A03]', async (pathScoped, taken) => {
    const server = createMemoryTransport((request) => {
      if (authorization(request) === undefined && server.requests.length === 1) return basicChallenge;
      if (request.url.includes('/team/app/')) return { status: 307, headers: { location: '/v2/team-b/app/blobs/x' } };
      return { body: manifest };
    });
    const { session } = connect(server, { credential: credential(), pathScoped });
    await openBlob(session, ref, blob);
    const last = server.requests.at(-1);
    expect([last?.url, last !== undefined && authorization(last) !== undefined]).toEqual([
      `${ORIGIN}/v2/team-b/app/blobs/x`,
      taken,
    ]);
  });

  it('takes an escaped path for another repository [A03]', async () => {
    const server = createMemoryTransport((): Reply => {
      if (server.requests.length === 1) return basicChallenge;
      if (server.requests.length > 2) return { body: manifest };
      return { status: 307, headers: { location: '/v2/team/app/..%2f..%2fteam-b/blobs/x' } };
    });
    await openBlob(connect(server, { credential: credential() }).session, ref, blob);
    expect(server.requests.map((request) => authorization(request) !== undefined)).toEqual([false, true, false]);
  });

  it('ends with the reason when aborted while the token is on its way [I4]', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const server = createMemoryTransport(async (request) => {
      if (!isRealm(request)) return bearerChallenge();
      controller.abort(reason);
      throw controller.signal.reason;
    });
    await expect(readManifestBytes(connect(server).session, ref, { signal: controller.signal })).rejects.toBe(reason);
  });

  it.each([
    ['{"token":"t"}', 't'],
    ['{"access_token":"t"}', 't'],
    ['{"token":"","access_token":"t"}', 't'],
    ['{"token":null,"access_token":"t"}', 't'],
    ['{"token":"t","access_token":"u"}', 't'],
    ['{"token":"a","token":"t"}', 't'],
    ['{"__proto__":{"token":"x"},"token":"t"}', 't'],
    ['{"token":"t","issued_at":"9999-01-01T00:00:00Z"}', 't'],
    ['{"token":"t","issued_at":"1970-01-01T00:00:00Z","expires_in":60}', 't'],
    ['{"token":"t","refresh_token":"r"}', 't'],
    [' {"token" : "t"} ', 't'],
    ['{"token":"\\u0074"}', 't'],
    [`{"token":"${'x'.repeat(65_536)}"}`, 'x'.repeat(65_536)],
  ])('takes the token of reply %# [A23]', async (body, token) => {
    const server = createMemoryTransport((request) =>
      isRealm(request) ? { body } : authorization(request) === undefined ? bearerChallenge() : found,
    );
    await readManifestBytes(connect(server).session, ref);
    expect(server.requests[2]?.headers['authorization'] === `Bearer ${token}`).toBe(true);
  });

  it.each([
    'nonsense',
    'r.example',
    'https://r.example/',
    'https://r.example/v2',
    'https://R.example',
    'https://u:p@r.example',
    'https://r.example?x',
    'https://r.example:443',
    'ftp://r.example',
    'file:///',
    '',
  ])('is for no such origin as %j [A18]', (origin) => {
    expect(() =>
      connect(
        createMemoryTransport(() => found),
        { origin },
      ),
    ).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }));
  });
});
