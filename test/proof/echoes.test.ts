// What a server knows of us it may say again, anywhere and in any form: nothing of it is to be seen.
import { afterAll, describe, expect, it } from 'vitest';
import {
  createRegistrySession,
  listReferrers,
  listTags,
  pushBlob,
  readConfig,
  type RegistrySession,
  type TransportRequest,
} from 'kubepull/distribution';
import { type Credential, createSecret } from 'kubepull/docker-config';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { pullImageEvents, type PullRuntime } from 'kubepull/puller';
import { parseReference } from 'kubepull/reference';
import { createMemoryStore } from 'kubepull/store';
import { buildImage, createFakeClock } from 'kubepull/testing';
import { canary, observe, observeText } from '../support/canary.ts';
import { countFor } from '../support/figures.ts';
import { createMemoryTransport, type Reply } from '../support/memory-transport.ts';

const platform = { os: 'linux', architecture: 'amd64' } as const;
const REALM = 'https://auth.example/token';
const ref = parseReference('r.example/team/app:1');

const FORMS: Readonly<Record<string, (secret: string) => string>> = {
  plain: (secret) => secret,
  'in capitals': (secret) => secret.toUpperCase(),
  'in Base64': (secret) => Buffer.from(secret).toString('base64'),
  'in Base64, one byte on': (secret) => Buffer.from(`:${secret}`).toString('base64'),
  'in Base64, two bytes on': (secret) => Buffer.from(`u:${secret}, and more`).toString('base64url'),
  'with percents': (secret) => [...Buffer.from(secret)].map((byte) => `%${byte.toString(16)}`).join(''),
  'in hexadecimal': (secret) => Buffer.from(secret).toString('hex'),
  'escaped as in JSON': (secret) =>
    [...secret].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
};

const image = buildImage({ platform, layers: [{ files: { a: 'b' } }] });

/** What a server says in place of the right answer; `undefined` is the right one. */
type Lie = (secret: string, request: TransportRequest) => Reply | undefined;

const is = {
  manifest: ({ url }: TransportRequest): boolean => url.includes('/manifests/'),
  token: ({ url }: TransportRequest): boolean => url.startsWith(REALM),
  authorized: ({ headers }: TransportRequest): boolean => headers['authorization'] !== undefined,
};
const atManifest =
  (reply: (secret: string) => Reply): Lie =>
  (secret, request) =>
    is.manifest(request) && is.authorized(request) ? reply(secret) : undefined;
const errors = (entry: object): Reply => ({ status: 403, body: JSON.stringify({ errors: [entry] }) });
const to = (location: string): Reply => ({ status: 307, headers: { location } });
const challenge = (realm: string, rest = ',service="s"'): Reply => ({
  status: 401,
  headers: { 'www-authenticate': `Bearer realm="${realm}"${rest}` },
});
const inUrl = (text: string): string => encodeURIComponent(text);
/** A host can hold letters, digits and hyphens only. */
const inHost = (text: string): string => text.replaceAll(/[^\w]/g, '').slice(0, 63).replaceAll('_', '');
const withMediaType = (body: string): Reply => ({ headers: { 'content-type': image.descriptor.mediaType }, body });
const right = (): string => Buffer.from(bytesOf(image.descriptor.digest) ?? '').toString();

function bytesOf(digest: string): Uint8Array | undefined {
  return image.contents.find(({ descriptor }) => descriptor.digest === digest)?.bytes;
}

const PLACES: Readonly<Record<string, Lie>> = {
  'the code of an error': atManifest((secret) => errors({ code: secret, message: 'no' })),
  'the message of an error': atManifest((secret) => errors({ code: 'DENIED', message: `no ${secret}` })),
  'the detail of an error': atManifest((secret) => errors({ code: 'DENIED', message: 'no', detail: `x ${secret} y` })),
  'an object in the detail of an error': atManifest((secret) =>
    errors({ code: 'DENIED', detail: { [secret]: [secret] } }),
  ),
  'an error that is no JSON': atManifest((secret) => ({ status: 500, body: secret })),
  'the request id': atManifest((secret) => ({ status: 403, headers: { 'x-request-id': secret } })),
  'a warning': atManifest((secret) => ({
    headers: { 'content-type': image.descriptor.mediaType, warning: `299 - "x ${secret} y"` },
    body: right(),
  })),
  'the media type': atManifest((secret) => ({ headers: { 'content-type': `text/${inUrl(secret)}` }, body: right() })),
  'the digest': atManifest((secret) => ({
    headers: { 'content-type': image.descriptor.mediaType, 'docker-content-digest': `sha256:${inUrl(secret)}` },
    body: right(),
  })),
  'a rate limit': atManifest((secret) => ({
    headers: { 'content-type': image.descriptor.mediaType, 'ratelimit-limit': secret, 'retry-after': secret },
    body: right(),
  })),
  'the path of a redirect that is refused': atManifest((secret) => to(`ftp://x.example/${inUrl(secret)}`)),
  'the host of a redirect that is refused': atManifest((secret) => to(`http://${inHost(secret)}.example/`)),
  'a redirect that is no URL': atManifest((secret) => to(`https://[${secret}`)),
  'the path of a redirect': (secret, request) => {
    if (request.url.startsWith('https://cdn.example')) return errors({ code: 'DENIED', message: `no ${secret}` });
    return is.manifest(request) && is.authorized(request) ? to(`https://cdn.example/${inUrl(secret)}`) : undefined;
  },
  'the host of a redirect': (secret, request) => {
    if (request.url.includes('.cdn.example')) return { status: 404 };
    return is.manifest(request) && is.authorized(request) ? to(`https://${inHost(secret)}.cdn.example/`) : undefined;
  },
  'the path of a realm that is refused': (secret, request) =>
    is.manifest(request) && is.authorized(request) ? challenge(`http://auth.example/${inUrl(secret)}`) : undefined,
  'the host of a realm that is refused': (secret, request) =>
    is.manifest(request) && is.authorized(request) ? challenge(`http://${inHost(secret)}.example/`) : undefined,
  'a realm that is no URL': (secret, request) =>
    is.manifest(request) && is.authorized(request) ? challenge(secret.replaceAll('\\', '\\\\')) : undefined,
  'the path of a realm': (secret, request) => {
    if (request.url.startsWith('https://auth2')) return { status: 403 };
    return is.manifest(request) && is.authorized(request)
      ? challenge(`https://auth2.example/${inUrl(secret)}`)
      : undefined;
  },
  'the host of a realm': (secret, request) => {
    if (request.url.includes('.auth2')) return { status: 403 };
    return is.manifest(request) && is.authorized(request)
      ? challenge(`https://${inHost(secret)}.auth2.example/`)
      : undefined;
  },
  'the service of a challenge': (secret, request) =>
    is.manifest(request) && is.authorized(request) ? challenge(REALM, `,service="\u00e4${secret}"`) : undefined,
  'an error of the token server': (secret, request) =>
    is.token(request) ? errors({ code: 'DENIED', message: `no ${secret}`, detail: secret }) : undefined,
  'a token that cannot be sent': (secret, request) =>
    is.token(request) ? { body: JSON.stringify({ token: `${secret}\u00e4` }) } : undefined,
  'a redirect of the token server': (secret, request) =>
    is.token(request) ? to(`https://${inHost(secret)}.example/${inUrl(secret)}`) : undefined,
  'an annotation of a manifest': atManifest((secret) =>
    withMediaType(right().replace(/\}$/, `,"annotations":{"a":"${secret}"}}`)),
  ),
  'the media type of a layer': atManifest((secret) =>
    withMediaType(right().replace('"layers":[{"mediaType":"', `$&application/${secret}+`)),
  ),
  'the media type of a manifest': atManifest((secret) =>
    withMediaType(right().replace('"mediaType":"', `$&application/${secret}+`)),
  ),
  'the platform of an index': atManifest((secret) => ({
    headers: { 'content-type': 'application/vnd.oci.image.index.v1+json' },
    body: JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [{ ...image.descriptor, platform: { os: 'plan9', architecture: secret } }],
    }),
  })),
  'the platform of a config': (secret, request) => {
    // As the server gives it, the manifest has no secret in it: its digest leads to the config that has.
    const odd = buildImage({ platform: { os: 'linux', architecture: secret.replaceAll('\\', '') }, layers: [] });
    const digest = /sha256:[a-f\d]{64}$/.exec(request.url)?.[0] ?? odd.descriptor.digest;
    const content = odd.contents.find(({ descriptor }) => descriptor.digest === digest);
    if (is.token(request) || !is.authorized(request) || content === undefined) return undefined;
    return { headers: { 'content-type': content.descriptor.mediaType }, body: content.bytes };
  },
  'a list of tags': (secret, request) =>
    request.url.includes('/tags/') && is.authorized(request)
      ? { body: JSON.stringify({ tags: ['1', secret, `no tag ${secret}`] }) }
      : undefined,
  'the next page of tags': (secret, request) =>
    request.url.includes('/tags/') && is.authorized(request)
      ? { headers: { link: `<http://x.example/${inUrl(secret)}>; rel="next"` }, body: '{"tags":[]}' }
      : undefined,
  'a list of referrers': (secret, request) =>
    request.url.includes('/referrers/') && is.authorized(request)
      ? {
          headers: { 'content-type': 'application/vnd.oci.image.index.v1+json' },
          body: JSON.stringify({ schemaVersion: 2, manifests: [{ ...image.descriptor, artifactType: secret }] }),
        }
      : undefined,
  'where an upload goes on': (secret, request) =>
    request.method === 'POST' && is.authorized(request)
      ? { status: 202, headers: { location: `https://${inHost(secret)}.example/${inUrl(secret)}` } }
      : undefined,
};

const NEW = { ...image.descriptor, digest: computeDigest(new Uint8Array(1), nodeHasher), size: 1 };

let rows = 0;
afterAll(() => countFor('places and forms in which a server says a secret again', rows));

/** What the servers know of us, when they speak. */
const SECRETS = ['the password', 'the token', 'a token of before'] as const;
type Which = (typeof SECRETS)[number];

/** A registry with a token server, which tell one lie. `revoke` has the tokens so far refused. */
function startServers(lie: Lie, form: (secret: string) => string, which: Which, password: string) {
  const tokens: string[] = [];
  const known = (): string | undefined => {
    if (which === 'the password') return password;
    return which === 'the token' ? tokens.at(-1) : tokens.at(-2);
  };
  let [lies, revoked] = [0, 0];
  const server = createMemoryTransport((request): Reply => {
    const secret = known();
    const reply = secret === undefined ? undefined : lie(form(secret), request);
    if (reply !== undefined) {
      lies += 1;
      return reply;
    }
    if (is.token(request)) {
      tokens.push(canary('bearer-token'));
      return { body: JSON.stringify({ token: tokens.at(-1) }) };
    }
    if (!is.authorized(request) || tokens.length === revoked) return challenge(REALM);
    const digest = /sha256:[a-f\d]{64}/.exec(request.url)?.[0] ?? image.descriptor.digest;
    const descriptor = image.contents.find((content) => content.descriptor.digest === digest)?.descriptor;
    if (descriptor === undefined) return { status: 404 };
    return { headers: { 'content-type': descriptor.mediaType }, body: bytesOf(digest) ?? '' };
  });
  return { ...server, lies: () => lies, revoke: () => void (revoked = tokens.length) };
}

async function ask(lie: Lie, form: (secret: string) => string, which: Which): Promise<void> {
  const password = canary('password');
  const credential: Credential = {
    username: 'u',
    password: createSecret(password),
    identityToken: undefined,
    registryToken: undefined,
    email: undefined,
  };
  const clock = { ...createFakeClock(), sleep: async () => undefined };
  const see = (value: unknown): void => {
    observe(value);
    observeText('what was told', `${JSON.stringify(value)} ${String(value)}`);
  };
  let lies = 0;
  const attempt = async (
    work: (session: RegistrySession, runtime: PullRuntime) => AsyncIterable<unknown> | Promise<unknown>,
  ): Promise<void> => {
    const { transport, ...server } = startServers(lie, form, which, password);
    const shared = { transport, createHasher: nodeHasher, clock };
    const origin = 'https://r.example';
    const session = createRegistrySession({ ...shared, origin, credential, random: () => 0, onNotice: see });
    for (let rounds = which === 'a token of before' ? 2 : 1; rounds > 0; rounds -= 1) {
      try {
        const running = work(session, { ...shared, platform });
        if (running instanceof Promise) see(await running);
        else for await (const event of running) see(event);
      } catch (error) {
        see(error);
      }
      server.revoke();
    }
    lies += server.lies();
  };
  // Each pull is a session of its own, which knows no token of before.
  if (which !== 'a token of before')
    await attempt((_, runtime) => {
      const store = createMemoryStore({ createHasher: nodeHasher });
      return pullImageEvents('r.example/team/app:1', { runtime, store, credential });
    });
  await attempt((session) => readConfig(session, ref));
  await attempt((session) => listTags(session, ref));
  await attempt((session) => listReferrers(session, { ...ref, digest: image.descriptor.digest }));
  await attempt((session) => pushBlob(session, ref, NEW, { content: new Uint8Array(1) }));
  expect(lies, 'the server has said it').toBeGreaterThan(0);
  rows += 1;
}

/** What gives out the tokens knows none of before yet, or says them as what they are. */
const canSay = (place: string, which: Which): boolean => which === 'the password' || !place.includes('token');

/** A host holds letters and digits, and no more than 63 of them. */
const fits = (place: string, form: (secret: string) => string): boolean =>
  !/host|upload/.test(place) || /^[a-z\d]{1,63}=*$/i.test(form(canaryLike));
const canaryLike = 'x'.repeat(44);

describe.each(SECRETS)('%s, said again by a server, is nowhere to be seen', (which) => {
  describe.each(Object.entries(FORMS))('%s', (_, form) => {
    const places = Object.entries(PLACES).filter(([place]) => canSay(place, which) && fits(place, form));
    it.each(places)('in %s', async (_place, lie) => ask(lie, form, which));
  });
});
