// A domain of one's own in front of a registry that gives tokens to anybody, and what such a redirect must not get.
import { describe, expect, it } from 'vitest';
import {
  createTokenCache,
  openBlob,
  readManifestBytes,
  type RedirectCredential,
  type TransportRequest,
} from 'kubepull/distribution';
import type { ImageName } from 'kubepull/reference';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import {
  authorization,
  basicChallenge,
  bearerChallenge,
  blob,
  connect,
  credential,
  found,
  manifest,
  ORIGIN,
  ref,
  tokenReply,
} from '../support.ts';

const BACK = 'https://back.example';
const BACK_REALM = 'https://auth.back.example/token';
const REALM = 'https://auth.r.example/token';
const to = (location: string): Reply => ({ status: 307, headers: { location } });
const answer = ({ url }: TransportRequest): Reply => (url.includes('/blobs/') ? { body: manifest } : found);
const sentTo = (requests: readonly TransportRequest[], origin: string) =>
  requests.filter(({ url }) => url.startsWith(origin)).map(authorization);

/** A registry in front of another: `back` answers there, and tokens are `front` and `back`. */
function scene(front: (request: TransportRequest) => Reply | undefined, back?: (request: TransportRequest) => Reply) {
  const behind =
    back ?? ((request) => (authorization(request) === 'Bearer back' ? answer(request) : bearerChallenge(BACK_REALM)));
  return createMemoryTransport((request): Reply => {
    const { url } = request;
    if (url.startsWith(BACK_REALM)) return tokenReply('back');
    if (url.startsWith(REALM)) return tokenReply('front');
    if (!url.startsWith(ORIGIN)) return behind(request);
    return front(request) ?? to(`${BACK}${new URL(url).pathname}`);
  });
}

describe('a server that a registry redirects to', () => {
  it.each([
    ['all of it', () => undefined],
    ['blobs only', (request: TransportRequest) => (request.url.includes('/blobs/') ? undefined : answer(request))],
    [
      'what has the token of the registry before it',
      (request: TransportRequest) => (authorization(request) === 'Bearer front' ? undefined : bearerChallenge(REALM)),
    ],
  ])('gets an anonymous token when it asks for one: %s', async (_, front) => {
    const server = scene(front);
    const { session } = connect(server);
    expect((await readManifestBytes(session, ref)).bytes).toEqual(manifest);
    const { content } = await openBlob(session, ref, blob);
    for await (const chunk of content) expect(chunk).toEqual(manifest);
    const tokens = server.requests.filter(({ url }) => url.startsWith(BACK_REALM));
    expect(tokens.map(authorization)).toEqual([undefined]);
    expect(new URL(tokens[0]?.url ?? '').searchParams.getAll('scope')).toEqual(['repository:team/app:pull']);
    expect(sentTo(server.requests, ORIGIN)).not.toContain('Bearer back');
    expect(server.open()).toBe(0);
  });

  it('is asked for the repository that its own path names [A13]', async () => {
    const server = scene(({ url }) => (url.startsWith(BACK) ? undefined : to(`${BACK}/v2/other/name/manifests/1`)));
    await readManifestBytes(connect(server).session, ref);
    const token = server.requests.find(({ url }) => url.startsWith(BACK_REALM));
    expect(new URL(token?.url ?? '').searchParams.getAll('scope')).toEqual(['repository:other/name:pull']);
  });

  it('never gets the credential of the registry, by Basic or by a token, nor does its token server [A01 A05]', async () => {
    for (const challenge of [basicChallenge, bearerChallenge(BACK_REALM)]) {
      const server = scene(
        () => undefined,
        () => challenge,
      );
      const { session } = connect(server, { credential: credential() });
      await expect(openBlob(session, ref, blob)).rejects.toMatchObject({
        status: 401,
        message: expect.stringContaining('an entry of the keyring for back.example would') as string,
      });
      const elsewhere = server.requests.filter(({ url }) => !url.startsWith(ORIGIN)).map(authorization);
      expect(elsewhere.every((sent) => sent === undefined || sent === 'Bearer back')).toBe(true);
      expect(server.requests.length).toBeLessThan(10);
      expect(server.open()).toBe(0);
    }
  });

  it('gets what the keyring has for its host and repository, and only that [A05 A17]', async () => {
    const asked: ImageName[] = [];
    const own = credential({ username: 'back' });
    const redirectCredential: RedirectCredential = (image) => {
      asked.push(image);
      return own;
    };
    const basic = `Basic ${Buffer.from(`back:${own.password.reveal()}`).toString('base64')}`;
    const server = scene(
      () => undefined,
      (request) => (authorization(request) === basic ? answer(request) : basicChallenge),
    );
    const { session } = connect(server, { credential: credential(), redirectCredential });
    await readManifestBytes(session, ref);
    await readManifestBytes(session, ref);
    expect(asked).toEqual([{ domain: 'back.example', path: 'team/app' }]);
    expect(sentTo(server.requests, BACK).map((sent) => sent === basic)).toEqual([false, true, true]);
    expect(sentTo(server.requests, ORIGIN)).toEqual([undefined, undefined, undefined]);
  });

  it.each([
    ['http://10.0.0.7', false],
    ['http://127.0.0.1:5000', true],
    ['https://10.0.0.7', true],
  ])('gets a credential in the clear on this machine only: %s %s [A16]', async (back, isAsked) => {
    let asked = false;
    const redirectCredential: RedirectCredential = () => {
      asked = true;
      return credential({ username: 'back' });
    };
    const server = createMemoryTransport(({ url }): Reply => {
      if (url.startsWith(back)) return basicChallenge;
      return { ...to(`${back}/v2/team/app/manifests/1`), remoteAddress: new URL(back).hostname };
    });
    const { session } = connect(server, { origin: 'http://r.example', redirectCredential });
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ status: 401 });
    expect(asked).toBe(isAsked);
    expect(sentTo(server.requests, back).some((sent) => sent !== undefined)).toBe(isAsked);
  });

  it('gets a fresh token when it takes the old one no more [A24]', async () => {
    let valid = 0;
    const server = createMemoryTransport((request): Reply => {
      if (request.url.startsWith(BACK_REALM)) return tokenReply(`t${(valid += 1)}`);
      if (request.url.startsWith(ORIGIN)) return to(`${BACK}${new URL(request.url).pathname}`);
      return authorization(request) === `Bearer t${valid}` && valid > 0 ? found : bearerChallenge(BACK_REALM);
    });
    const { session } = connect(server);
    await readManifestBytes(session, ref);
    valid += 1;
    await readManifestBytes(session, ref);
    expect(sentTo(server.requests, BACK)).toEqual([undefined, 'Bearer t1', 'Bearer t1', 'Bearer t3']);
  });

  it('gets a fresh token when another session has left one in the cache that it takes no more [A24]', async () => {
    let [issued, valid] = [0, 0];
    const server = createMemoryTransport((request): Reply => {
      if (request.url.startsWith(BACK_REALM)) return tokenReply(`t${(valid = issued += 1)}`, { expires_in: 3600 });
      if (request.url.startsWith(ORIGIN)) return to(`${BACK}${new URL(request.url).pathname}`);
      return authorization(request) === `Bearer t${valid}` ? found : bearerChallenge(BACK_REALM);
    });
    const tokenCache = createTokenCache();
    await readManifestBytes(connect(server, { tokenCache }).session, ref);
    valid = -1;
    await readManifestBytes(connect(server, { tokenCache }).session, ref);
    expect(sentTo(server.requests, BACK)).toEqual([undefined, 'Bearer t1', undefined, 'Bearer t1', 'Bearer t2']);
  });

  it('may not have its token asked for within the own network, or without TLS [A07]', async () => {
    for (const realm of ['https://10.0.0.1/token', 'https://169.254.169.254/token', 'http://auth.example/token']) {
      const server = scene(
        () => undefined,
        () => bearerChallenge(realm),
      );
      await expect(readManifestBytes(connect(server).session, ref)).rejects.toMatchObject({
        code: 'ERR_REQUEST_REFUSED',
      });
      expect(server.requests.some(({ url }) => url.startsWith(realm))).toBe(false);
      expect(server.open()).toBe(0);
    }
  });

  it('gets nothing back at the registry itself once the chain has left it [A02]', async () => {
    const server = createMemoryTransport(({ url }): Reply => {
      if (url.startsWith(BACK_REALM)) return tokenReply('back');
      if (url.startsWith(BACK)) return to(`${ORIGIN}/v2/team/app/manifests/back`);
      return url.endsWith('/back') ? bearerChallenge(BACK_REALM) : to(`${BACK}/v2/team/app/manifests/1`);
    });
    const { session } = connect(server, { credential: credential() });
    await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ status: 401 });
    expect(server.requests.map(authorization).filter((sent) => sent !== undefined)).toEqual([]);
  });

  it('has the TLS settings of the registry that leads to it, and so has its token server', async () => {
    const server = scene(() => undefined);
    await readManifestBytes(connect(server).session, ref);
    const leads = server.requests.map(({ url, registry }) => [new URL(url).host, registry]);
    expect(leads).toEqual([
      ['r.example', undefined],
      ['back.example', ORIGIN],
      ['auth.back.example', ORIGIN],
      ['r.example', undefined],
      ['back.example', ORIGIN],
    ]);
  });

  it('has none of its secrets shown by its answers [L06]', async () => {
    const own = credential({ username: 'back' });
    const password = own.password.reveal();
    const server = scene(
      () => undefined,
      (request) =>
        authorization(request) === undefined
          ? basicChallenge
          : { status: 403, body: JSON.stringify({ errors: [{ code: 'DENIED', message: `no ${password}` }] }) },
    );
    const { session } = connect(server, { redirectCredential: () => own });
    const error = await readManifestBytes(session, ref).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ status: 403 });
    expect((error as Error).message).not.toContain(password);
  });
});

describe('a challenge that cannot be answered says why', () => {
  const refusing = (challenge: string) =>
    createMemoryTransport(() => ({ status: 401, headers: { 'www-authenticate': challenge } }));

  it.each([
    ['Bearer: realm="x"', '401; its challenge cannot be read: "Bearer: realm=\\"x\\""'],
    ['Negotiate', '401; it asks for "negotiate", and only Basic and Bearer are spoken'],
    ['Bearer', 'Cannot get a token for https://r.example: its challenge names no realm'],
    [
      'Bearer realm="https://nexus.example.com:5002:5002/v2/token"',
      'realm https://nexus.example.com:5002:5002/v2/token',
    ],
    ['Bearer realm="https://u:p@h:1:1/t?sig=x#y"', 'realm https://…@h:1:1/t: it is not a URL'],
    ['Bearer realm="/v2/token"', 'Cannot ask token realm /v2/token: it is not a URL'],
  ])('%s', async (challenge, reason) => {
    await expect(readManifestBytes(connect(refusing(challenge)).session, ref)).rejects.toThrow(reason);
  });
});
