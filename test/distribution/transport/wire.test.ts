import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Agent } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createRegistrySession,
  createFetchTransport,
  openBlob,
  readManifestBytes,
  type RegistrySessionOptions,
  resolveManifest,
} from 'kubepull/distribution';
import { createUndiciTransport, nodeHasher, type UndiciTransportOptions } from 'kubepull/node';
import { sendFollowing } from '../../../src/distribution/policy/redirects.ts';
import { turnsOf } from '../../support/least.ts';
import { canary } from '../../support/canary.ts';
import { createCertificate } from '../../support/certificate.ts';
import { eventually, serve, serveTls, type Served } from '../../support/servers.ts';
import { blob, credential, manifest, mediaType, ref } from '../support.ts';

const certificate = createCertificate(['r.test', 'cdn.test']);

/** Headers that nobody but the first origin may see, by the names of six ways to carry a secret. */
const secretHeaders = (): Readonly<Record<string, string>> => ({
  authorization: `Bearer ${canary('bearer-token')}`,
  Cookie: canary('cookie'),
  'Proxy-Authorization': `Basic ${canary('proxy-password')}`,
  'X-Registry-Auth': canary('registry-token'),
  'PRIVATE-TOKEN': canary('refresh-token'),
  Referer: `https://r.test/?${canary('signed-query')}`,
});

function openUndici(options: UndiciTransportOptions = {}) {
  const { transport, close } = createUndiciTransport({
    lookup: async () => ['127.0.0.1'],
    ca: certificate.cert,
    ...options,
  });
  onTestFinished(close);
  return transport;
}

/** A server that remembers what it was asked. */
async function sink(secure: boolean): Promise<Served & { readonly asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const listener: RequestListener = (request, response) => {
    asked.push(request);
    response.end('content');
  };
  return { ...(await (secure ? serveTls(certificate, listener) : serve(listener))), asked };
}

const redirect =
  (location: () => string): RequestListener =>
  (_, response) =>
    response.writeHead(307, { location: location() }).end('moved');

async function client(transport: RegistrySessionOptions['transport'], origin: string, own = true) {
  return createRegistrySession({
    transport,
    origin,
    createHasher: nodeHasher,
    random: () => 0,
    ...(own ? { credential: credential() } : {}),
  });
}

describe('redirects over real connections', () => {
  it.each([
    ['another port of the same address', 'http', (to: Served) => to.origin],
    ['another name of the same address', 'http', (to: Served) => `http://cdn.test:${to.port}`],
    ['TLS', 'https', (to: Served) => `https://cdn.test:${to.port}`],
  ])('shows no secret to %s [A01]', async (_, scheme, target) => {
    const to = await sink(scheme === 'https');
    const from = await serve(redirect(() => `${target(to)}/x`));
    const url = `http://r.test:${from.port}/v2/team/app/blobs/x`;
    const registry = { origin: new URL(url).origin, address: '127.0.0.1' };
    const headers = { ...secretHeaders(), accept: 'a/b' };
    const { response } = await sendFollowing(openUndici(), { method: 'GET', url, headers }, registry);
    await response.discard();
    expect(to.asked.map((request) => Object.keys(request.headers).toSorted())).toEqual([
      ['accept', 'connection', 'host'],
    ]);
  });

  it('shows no secret to the first origin when the chain comes back [A02]', async () => {
    const asked: (readonly string[])[] = [];
    const between = await serve(redirect(() => `http://r.test:${from.port}/last`));
    const from: Served = await serve((request, response) => {
      asked.push(Object.keys(request.headers));
      if (request.url === '/last') response.end('content');
      else redirect(() => `${between.origin}/x`)(request, response);
    });
    const origin = `http://r.test:${from.port}`;
    const request = { method: 'GET', url: `${origin}/first`, headers: secretHeaders() } as const;
    const { response } = await sendFollowing(openUndici(), request, { origin, address: undefined });
    await response.discard();
    expect(asked.map((names) => names.includes('authorization'))).toEqual([true, false]);
    expect(asked[1]?.toSorted()).toEqual(['connection', 'host']);
  });

  it('asks nothing without TLS that was to go over TLS [A04]', async () => {
    const to = await sink(false);
    const from = await serveTls(
      certificate,
      redirect(() => `http://cdn.test:${to.port}/x`),
    );
    const secure = await client(openUndici(), `https://r.test:${from.port}`);
    await expect(openBlob(secure, ref, blob)).rejects.toMatchObject({ rule: 'scheme-downgrade' });
    // A server that speaks plain HTTP where TLS is due.
    const broken = await client(openUndici(), `https://r.test:${to.port}`);
    await expect(openBlob(broken, ref, blob)).rejects.toMatchObject({ code: 'ERR_TRANSPORT', phase: 'tls' });
    expect(to.asked.length).toBe(0);
  });

  it('dials no inner address for a realm that turns out to have one [A08]', async () => {
    const inner = await sink(true);
    const lookups: string[] = [];
    const registry = await serveTls(certificate, (_, response) => {
      response.writeHead(401, { 'www-authenticate': `Bearer realm="https://cdn.test:${inner.port}/token"` }).end();
    });
    // As if the registry were out on the network, and the realm's name led to this machine.
    const transport = openUndici({
      lookup: async (name) => {
        lookups.push(name);
        return ['127.0.0.1'];
      },
    });
    const outside: typeof transport = async (request) => ({ ...(await transport(request)), remoteAddress: '8.8.8.8' });
    const guarded = await client(outside, `https://r.test:${registry.port}`);
    await expect(readManifestBytes(guarded, ref)).rejects.toMatchObject({ rule: 'address-class' });
    expect([lookups, inner.asked.length]).toEqual([['r.test', 'cdn.test'], 0]);
  });
});

/** A registry of one private image, with its token server beside it. */
async function registry(): Promise<Served> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url?.startsWith('/token')) {
      const known = request.headers.authorization?.startsWith('Basic ') ?? false;
      response.writeHead(known ? 200 : 401).end(known ? '{"token":"t0ken"}' : '');
    } else if (request.headers.authorization !== 'Bearer t0ken') {
      const realm = `http://${request.headers.host ?? ''}/token`;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="s"` }).end('{"errors":[]}');
    } else if (request.url?.includes('/manifests/')) {
      response.writeHead(200, { 'content-type': mediaType }).end(manifest);
    } else {
      response.writeHead(404).end('{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown"}]}');
    }
  };
  return serve(answer);
}

describe('the client over real connections', () => {
  it.each([
    ['undici', () => openUndici()],
    ['fetch', () => createFetchTransport()],
  ])('pulls a private manifest over %s', async (_, transport) => {
    const { origin } = await registry();
    const asking = await client(transport(), origin);
    expect((await resolveManifest(asking, ref)).size).toBe(19);
    expect((await readManifestBytes(asking, ref)).bytes).toEqual(manifest);
    await expect(openBlob(asking, ref, blob)).rejects.toMatchObject({
      status: 404,
      diagnostics: [{ code: 'BLOB_UNKNOWN', message: 'blob unknown' }],
    });
    await expect(readManifestBytes(await client(transport(), origin, false), ref)).rejects.toMatchObject({
      status: 401,
      url: `${origin}/token`,
    });
  });

  it('is not starved by a hundred failures on two connections [B12 B10]', async () => {
    let asked = 0;
    const { origin, connections } = await serve((request, response) => {
      asked += 1;
      const kind = asked > 100 ? 'good' : (['401', '404', '307', 'long'] as const)[asked % 4];
      if (kind === 'good') response.writeHead(200, { 'content-type': mediaType }).end(manifest);
      else if (kind === '401') response.writeHead(401, { 'www-authenticate': 'Basic' }).end('x'.repeat(5000));
      else if (kind === '404') response.writeHead(404).end('x'.repeat(5000));
      else if (kind === '307') response.writeHead(307, { location: 'ftp://r.test/' }).end('x'.repeat(5000));
      else response.writeHead(403).write('x'.repeat(100_000)); // And it never ends.
      request.resume();
    });
    const dispatcher = new Agent({ connections: 2 });
    onTestFinished(() => dispatcher.destroy());
    const asking = await client(openUndici({ dispatcher }), origin, false);
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => readManifestBytes(asking, ref)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toEqual([]);
    expect((await readManifestBytes(asking, ref)).bytes).toEqual(manifest);
    expect(connections()).toBeLessThanOrEqual(2);
    await dispatcher.close();
    await eventually(() => connections() === 0);
  });

  it('ends within 100 ms wherever it is aborted [B14 I4]', async () => {
    const silent: RequestListener = () => undefined;
    const stalledError: RequestListener = (_, response) => void response.writeHead(403).write('{"errors":[');
    const stalledBody: RequestListener = (_, response) =>
      void response.writeHead(200, { 'content-type': mediaType, 'content-length': '19' }).write('{');
    const busy: RequestListener = (_, response) => response.writeHead(503, { 'retry-after': '60' }).end();
    const realm: RequestListener = (request, response) => {
      const url = `http://${request.headers.host ?? ''}/token`;
      if (request.url?.startsWith('/token')) return;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${url}"` }).end();
    };
    for (const listener of [silent, stalledError, stalledBody, busy, realm]) {
      const { origin } = await serve(listener);
      const asking = await client(openUndici(), origin);
      const reason = new Error('enough');
      const controller = new AbortController();
      const settled = expect(readManifestBytes(asking, ref, { signal: controller.signal })).rejects.toBe(reason);
      await new Promise((resolve) => setTimeout(resolve, 100));
      controller.abort(reason);
      expect(await turnsOf(settled)).toBeLessThan(10);
      await settled;
    }
  });
});
