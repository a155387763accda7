// Who gets a credential: the server that it is for, and whoever that server may send us to for a token. And no other tenant.
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createTokenCache, type Transport, type TransportRequest } from 'kubepull/distribution';
import { createSecret } from 'kubepull/docker-config';
import { createKeyring, type Keyring } from 'kubepull/keyring';
import { nodeHasher } from 'kubepull/node';
import { createDownloadPool, pullImageEvents } from 'kubepull/puller';
import { createMemoryStore, type ImageStore } from 'kubepull/store';
import { buildImage, createFakeClock } from 'kubepull/testing';
import { canary, observeRequests } from '../support/canary.ts';
import { countFor } from '../support/figures.ts';
import { createMemoryTransport, type Reply } from '../support/memory-transport.ts';
import { runsOf } from '../support/property-runs.ts';

const platform = { os: 'linux', architecture: 'amd64' } as const;
const image = buildImage({ platform, layers: [{ files: { a: 'b' } }] });
const clock = { ...createFakeClock(), sleep: async () => undefined };

/** Where a registry is, and the kind of network that it is in. */
const REGISTRIES = [
  { kind: 'public', origin: 'https://r.example', address: '93.184.216.34' },
  { kind: 'private', origin: 'https://r.example', address: '10.1.2.3' },
  { kind: 'loopback', origin: 'http://127.0.0.1:5000', address: '127.0.0.1' },
] as const;

/** What a registry may name, each with the network that it is in; `never` is nobody's. */
const TARGETS = [
  ['the registry', 'itself'],
  ['r.example:8443', 'public'],
  ['a.r.example', 'public'],
  ['r.example.', 'public'],
  ['cdn.example', 'public'],
  ['93.184.216.99', 'public'],
  ['[2606:2800:220:1::1]', 'public'],
  ['10.0.0.7', 'private'],
  ['192.168.1.1:8080', 'private'],
  ['100.64.0.1', 'private'],
  ['[fd12::1]', 'private'],
  ['[::ffff:10.0.0.7]', 'private'],
  ['127.0.0.2', 'loopback'],
  ['2130706433', 'loopback'],
  ['0x7f.1', 'loopback'],
  ['[::1]', 'loopback'],
  ['[64:ff9b::7f00:1]', 'loopback'],
  ['169.254.1.1', 'never'],
  ['169.254.169.254', 'never'],
  ['[fe80::1]', 'never'],
  ['0.0.0.0', 'never'],
  ['224.0.0.1', 'never'],
  ['u:p@cdn.example', 'never'],
  ['r.example@cdn.example', 'never'],
] as const;

/** How a registry sends us there. */
const WAYS = [
  'a redirect of a manifest',
  'a redirect of a layer',
  'a redirect by way of another server',
  'a redirect to a server that asks for a password',
  'a token server that gets a password',
  'a token server that gets an identity token',
] as const;

type Way = (typeof WAYS)[number];
type Network = (typeof TARGETS)[number][1];

interface Row {
  readonly way: Way;
  readonly registry: (typeof REGISTRIES)[number];
  readonly scope: 'host' | 'path';
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly network: Network;
}

const urlOf = ({ scheme, host, network, registry }: Row): string =>
  network === 'itself' ? registry.origin : `${scheme}://${host}`;

/** Whether the rules let us ask there at all: section 1.1 of the threat model, in its own words. */
function isAdmitted({ registry, scheme, network, way }: Row): boolean {
  const isByWay = way === 'a redirect by way of another server';
  // The other server is reached over TLS, which is not left.
  if (network === 'itself') return !isByWay || registry.origin.startsWith('https:');
  if (network === 'never' || (isByWay && scheme === 'http')) return false;
  if (registry.origin.startsWith('https:') && scheme === 'http') return false;
  // Whoever stands outside leads into no other network.
  const from = isByWay ? 'public' : registry.kind;
  return network === 'public' || network === from;
}

const credentialOf = (password: string, username = 'u', identityToken?: string) => ({
  username,
  password: createSecret(password),
  identityToken: identityToken === undefined ? undefined : createSecret(identityToken),
  registryToken: undefined,
  email: undefined,
});

const hostOf = (origin: string): string => new URL(origin).host;
const challenge = (value: string): Reply => ({ status: 401, headers: { 'www-authenticate': value } });

function contentOf(url: string): Reply {
  const digest = /sha256:[a-f\d]{64}/.exec(url)?.[0] ?? image.descriptor.digest;
  const content = image.contents.find(({ descriptor }) => descriptor.digest === digest);
  if (content === undefined) return { status: 404 };
  return { headers: { 'content-type': content.descriptor.mediaType }, body: content.bytes };
}

/** All the servers of a row. */
function answer(row: Row, request: TransportRequest): Reply {
  const { way, registry } = row;
  const { origin, pathname } = new URL(request.url);
  const target = `${urlOf(row)}/v2/other/app${pathname.slice(pathname.indexOf('/app') + 4)}`;
  const authorization = request.headers['authorization'];
  if (request.method === 'POST' || pathname === '/token') return { body: '{"token":"t"}' };
  if (way.startsWith('a token server')) {
    return authorization === undefined ? challenge(`Bearer realm="${urlOf(row)}/token"`) : contentOf(request.url);
  }
  if (origin === 'https://way.example') return { status: 307, headers: { location: target } };
  if (pathname.startsWith('/v2/other/')) {
    const asks = way === 'a redirect to a server that asks for a password' && authorization === undefined;
    return asks ? challenge('Basic realm="r"') : contentOf(request.url);
  }
  if (origin !== registry.origin) return { status: 500 };
  if (authorization === undefined) return challenge('Basic realm="r"');
  const leaves = way === 'a redirect of a layer' ? pathname.includes('/blobs/') : pathname.includes('/manifests/');
  if (!leaves) return contentOf(request.url);
  const location = way === 'a redirect by way of another server' ? `https://way.example${pathname}` : target;
  return { status: 307, headers: { location } };
}

async function pull(row: Row): Promise<void> {
  const { registry, scope, way } = row;
  const owned =
    way.startsWith('a token server') && isAdmitted(row)
      ? [registry.origin, new URL(urlOf(row)).origin]
      : [registry.origin];
  const [password, identity] = [canary('password', owned), canary('identity-token', owned)];
  const token = way === 'a token server that gets an identity token' ? identity : undefined;
  const host = hostOf(registry.origin);
  const entry = { pattern: scope === 'host' ? host : `${host}/team`, credential: credentialOf(password, 'u', token) };
  const server = createMemoryTransport((request) => {
    const { origin } = new URL(request.url);
    return { ...answer(row, request), remoteAddress: origin === registry.origin ? registry.address : '93.184.216.50' };
  });
  const events = pullImageEvents(`${host}/team/app:1`, {
    runtime: { transport: server.transport, createHasher: nodeHasher, platform, clock },
    store: createMemoryStore({ createHasher: nodeHasher }),
    keyring: createKeyring([{ ...entry, source: { kind: 'inline' } }]),
    plainHttp: registry.origin.startsWith('http:') ? [host] : [],
  });
  let pulled = false;
  try {
    for await (const event of events) pulled ||= event.type === 'pulled';
  } catch {
    // Whoever is refused has no image; what was sent tells.
  }
  const requests = server.requests.map(({ body, ...request }) => ({
    ...request,
    body: body instanceof Uint8Array ? body : undefined,
  }));
  for (const origin of new Set(requests.map(({ url }) => new URL(url).origin)))
    observeRequests(origin, () => requests.filter(({ url }) => new URL(url).origin === origin));
  const name = JSON.stringify(row);
  const away = server.requests.filter(
    ({ url }) => new URL(url).pathname.startsWith('/v2/other/') || new URL(url).pathname === '/token',
  );
  const shown = away.filter(({ headers, body }) => headers['authorization'] !== undefined || body !== undefined);
  expect(away.length > 0, `asked: ${name}`).toBe(isAdmitted(row));
  if (way.startsWith('a token server')) expect(shown.length, `shown: ${name}`).toBe(away.length);
  // A credential of the whole registry goes along within it; one of a path does not leave that.
  else if (row.network !== 'itself' || scope === 'path' || way === 'a redirect by way of another server')
    expect(shown.length, `shown: ${name}`).toBe(0);
  if (pulled) expect(isAdmitted(row), `pulled: ${name}`).toBe(true);
  rows += 1;
}

let rows = 0;
let orders = 0;
afterAll(() => {
  countFor('servers that a registry names, and what they get', rows);
  countFor('orders of two tenants, without a crossing', orders);
});

const GROUPS = WAYS.flatMap((way) =>
  REGISTRIES.flatMap((registry) =>
    (['host', 'path'] as const).map((scope) => [way, registry.kind, scope, registry] as const),
  ),
);

describe('where a registry leads, its credential goes to nobody else [A01 A02 A03 A04 A05 A07 A18 A19]', () => {
  it.each(GROUPS)('%s, of a %s registry, with a credential of a %s', async (way, _, scope, registry) => {
    for (const [host, network] of TARGETS)
      for (const scheme of ['http', 'https'] as const) await pull({ way, registry, scope, scheme, host, network });
  });
});

/** Whom the registry lets pull what. Both images have the same layers. */
const RIGHTS: Readonly<Record<string, readonly string[]>> = { a: ['team/app'], b: ['other/app'], nobody: [] };

/** A registry and its token server that know by whom each request is, and judge what it brings. */
function startTenants(passwords: Readonly<Record<string, string>>) {
  const tokens = new Map<string, string>();
  const revoked = new Set<string>();
  const crossings: string[] = [];
  let issued = 0;
  const answerTo = (tenant: string, { url, headers }: TransportRequest): Reply => {
    const [, scheme, value = ''] = /^(\w+) (.*)$/.exec(headers['authorization'] ?? '') ?? [];
    const basic = Buffer.from(`${tenant}:${passwords[tenant]}`).toString('base64');
    const owner = scheme === 'Bearer' ? tokens.get(value) : tenant;
    if ((scheme === 'Basic' && value !== basic) || owner !== tenant) crossings.push(`${tenant}: ${url}`);
    if (url.includes('/token')) {
      const token = `t${(issued += 1)}`;
      tokens.set(token, scheme === 'Basic' ? tenant : 'nobody');
      return { body: JSON.stringify({ token, expires_in: 3600 }) };
    }
    if (scheme !== 'Bearer' || revoked.has(value))
      return challenge('Bearer realm="https://r.example/token",service="s"');
    const repository = /\/v2\/(.*?)\/(?:manifests|blobs)\//.exec(url)?.[1] ?? '';
    return RIGHTS[tenant]?.includes(repository) === true ? contentOf(url) : { status: 403 };
  };
  return { answerTo, crossings, revoke: () => [...tokens.keys()].forEach((token) => revoked.add(token)) };
}

/** What a pull saw of an image. */
async function follow(
  name: string,
  transport: Transport,
  shared: Shared,
  keyring: Keyring | undefined,
): Promise<string> {
  const { store, downloads, tokenCache } = shared;
  const runtime = { transport, createHasher: nodeHasher, platform, clock, tokenCache };
  const seen = new Set<string>();
  try {
    for await (const { type } of pullImageEvents(name, { runtime, store, downloads, keyring })) seen.add(type);
  } catch {
    // What it saw before is what counts.
  }
  return ['manifest', 'blob', 'pulled'].filter((type) => seen.has(type)).join(' ');
}

interface Shared {
  readonly store: ImageStore;
  readonly downloads: ReturnType<typeof createDownloadPool>;
  readonly tokenCache: ReturnType<typeof createTokenCache>;
}

const ALL = 'manifest blob pulled';
const PULLS = [
  ['a', 'team/app', ALL],
  ['b', 'team/app', ''],
  ['b', 'other/app', ALL],
  ['a', 'other/app', ''],
  ['nobody', 'team/app', ''],
] as const;

describe('tenants that share tokens, downloads and a store [A11 A12]', () => {
  it('get what is theirs, in whatever order things happen', async () => {
    const passwords = { a: canary('password'), b: canary('password') };
    const keyringOf = (tenant: string): Keyring | undefined =>
      tenant === 'nobody'
        ? undefined
        : createKeyring([
            {
              pattern: 'r.example',
              credential: credentialOf(passwords[tenant as 'a' | 'b'], tenant),
              source: { kind: 'inline' },
            },
          ]);
    const run = async (s: fc.Scheduler, revokes: boolean): Promise<void> => {
      const servers = startTenants(passwords);
      const shared = {
        store: createMemoryStore({ createHasher: nodeHasher }),
        downloads: createDownloadPool(),
        tokenCache: createTokenCache({ clock }),
      };
      const pulls = PULLS.map(([tenant, repository]) => {
        const { transport } = createMemoryTransport((request) => servers.answerTo(tenant, request));
        const scheduled: Transport = async (request) => {
          await s.schedule(Promise.resolve());
          return transport(request);
        };
        return follow(`r.example/${repository}:1`, scheduled, shared, keyringOf(tenant));
      });
      // The token server starts anew, at any moment.
      if (revokes) void s.schedule(Promise.resolve()).then(servers.revoke);
      const seen = await s.waitFor(Promise.all(pulls));
      expect(servers.crossings).toEqual([]);
      // Whose token is taken back before its first use may have nothing; nobody has more than what is his.
      const less = PULLS.map(([, , expected], at) => (revokes && expected !== '' ? seen[at] : expected));
      expect(seen).toEqual(less);
      orders += 1;
    };
    await fc.assert(fc.asyncProperty(fc.scheduler(), fc.boolean(), run), runsOf('orders'));
    countFor('laws of what runs at the same time, in any order');
  });
});
