import { describe, expect, it } from 'vitest';
import { inspect } from 'node:util';
import { createSecret } from 'kubepull/docker-config';
import {
  listTags,
  pushBlob,
  readConfig,
  readManifest,
  readManifestBytes,
  type RegistryNotice,
  type RegistrySession,
} from 'kubepull/distribution';
import { nodeHasher } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';
import { createMemoryStore } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { canary } from '../../support/canary.ts';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import {
  authorization,
  basicChallenge,
  bearerChallenge,
  blob,
  connect,
  credential,
  found,
  isRealm,
  manifest,
  mediaType,
  ref,
  tokenReply,
} from '../support.ts';

/** Letters beyond ASCII: a header brings them back as Latin-1. */
const password = `${canary('password')}-pä/ß`;
const own = () => credential({ password: createSecret(password) });
const FORMS: readonly (readonly [string, string])[] = [
  ['as it is', password],
  ['in lower case', password.toLowerCase()],
  ['percent-encoded', encodeURIComponent(password)],
  ['in Base64', Buffer.from(password).toString('base64')],
  ['as Latin-1', Buffer.from(password).toString('latin1')],
  ['in hexadecimal', Buffer.from(password).toString('hex')],
  ['in Base64 within other text', Buffer.from(`it was ${password}, and that is wrong`).toString('base64')],
  ['with the user name in Base64', Buffer.from(`u:${password}`).toString('base64')],
];
/** A password that a host may have in its name. */
const host = canary('password');
const to = (location: string): Reply => ({ status: 307, headers: { location } });
/** A registry that asks for the password, and then says this. */
const after = (reply: Reply) =>
  createMemoryTransport((request) => (authorization(request) === undefined ? basicChallenge : reply));
const tellsNothing = (shown: unknown, form: string): void => {
  const text = `${inspect(shown, { depth: 9 })} ${JSON.stringify(shown)} ${(shown as Error).message}`;
  expect(text).not.toContain(form);
  expect(text).toContain('[redacted]');
};
const failureOf = async (reply: Reply): Promise<unknown> => {
  try {
    await readManifestBytes(connect(after(reply), { credential: own() }).session, ref);
  } catch (error) {
    return error;
  }
  throw new Error('It succeeded');
};

describe.each(FORMS)('a secret that a server sends back %s', (_, form) => {
  it('is masked in a warning', async () => {
    const notices: RegistryNotice[] = [];
    const server = after({ ...found, headers: { ...found.headers, warning: `299 - "no ${form}"` } });
    const { session } = connect(server, { credential: own(), onNotice: (notice) => void notices.push(notice) });
    await readManifestBytes(session, ref);
    expect(notices).toHaveLength(1);
    tellsNothing(notices[0], form);
  });

  it('is masked in code, message and detail of an error, and in its request id', async () => {
    const diagnostic = { code: `C${form}`, message: `no ${form}`, detail: { why: [form] } };
    const error = await failureOf({
      status: 403,
      headers: { 'x-request-id': `id-${form}` },
      body: JSON.stringify({ errors: [diagnostic] }),
    });
    tellsNothing(error, form);
  });

  it('is masked in a Content-Type that is not one', async () => {
    tellsNothing(await failureOf({ ...found, headers: { 'content-type': `text/${form}` } }), form);
  });

  it('is masked in what is no tag', async () => {
    const server = after({ body: JSON.stringify({ tags: [`no tag ${form.slice(0, 200)}`] }) });
    const next = listTags(connect(server, { credential: own() }).session, ref).next();
    const error = await next.catch((caught: unknown) => caught);
    expect(inspect(error)).not.toContain(form);
  });
});

it('is refused as part of a manifest, whose fields go into events and results', async () => {
  const escaped = [...password].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
  for (const text of [password, escaped]) {
    const body = `{"schemaVersion":2,"mediaType":"${mediaType}","annotations":{"a":"${text}"}}`;
    const { session } = connect(after({ ...found, body }), { credential: own() });
    await expect(readManifest(session, ref)).rejects.toThrow('it has a secret in it that was sent to get it');
  }
});

it('masks a bearer token, and the path of a token realm that has it', async () => {
  const token = canary('bearer-token');
  let asked = 0;
  const server = createMemoryTransport((request) => {
    if (isRealm(request)) return tokenReply(token);
    asked += 1;
    return asked === 1 ? bearerChallenge() : bearerChallenge(`http://r.example/${token}`);
  });
  const error = await readManifestBytes(connect(server).session, ref).catch((caught: unknown) => caught);
  expect(inspect(error)).not.toContain(token);
});

it('masks a token that was replaced by another since', async () => {
  const tokens: string[] = [];
  let valid = 0;
  const server = createMemoryTransport((request) => {
    if (isRealm(request)) return tokenReply(tokens[tokens.push(canary('bearer-token')) - 1] ?? '');
    if (authorization(request) !== `Bearer ${tokens[valid]}`) return bearerChallenge();
    if (valid === 0) return found;
    return { status: 403, body: JSON.stringify({ errors: [{ code: 'DENIED', message: `no ${tokens[0]}` }] }) };
  });
  const { session } = connect(server);
  await readManifestBytes(session, ref);
  valid = 1;
  await expect(readManifestBytes(session, ref)).rejects.toThrow('no [redacted]');
});

const read = (session: RegistrySession) => readManifestBytes(session, ref);
const push = (session: RegistrySession) => pushBlob(session, ref, blob, { content: manifest });
const elsewhere = `https://${host}.example/${host}`;
const upload = { status: 202, headers: { location: elsewhere } };

it.each<readonly [string, typeof read | typeof push, challenge: Reply, then: Reply]>([
  ['of a redirect', read, basicChallenge, to(elsewhere)],
  ['of a redirect that is refused', read, basicChallenge, to(elsewhere.replace('https', 'http'))],
  ['and path of a realm', read, bearerChallenge(elsewhere), {}],
  ['of an upload', push, basicChallenge, upload],
])('is masked in the host %s', async (_, ask, challenge, then) => {
  const server = createMemoryTransport((request): Reply => {
    if (request.url.includes(host)) return { status: 403 };
    if (authorization(request) === undefined) return challenge;
    return request.method === 'HEAD' ? { status: 404 } : then;
  });
  const { session } = connect(server, { credential: credential({ password: createSecret(host) }) });
  tellsNothing(await ask(session).catch((caught: unknown) => caught), host);
});

it('is refused as the platform of a config, which goes into a notice', async () => {
  const { descriptor, contents } = buildImage({ platform: { os: 'linux', architecture: host }, layers: [] });
  const server = createMemoryTransport((request): Reply => {
    if (authorization(request) === undefined) return basicChallenge;
    const digest = request.url.includes('/manifests/') ? descriptor.digest : request.url.slice(-71);
    const content = contents.find((one) => one.descriptor.digest === digest);
    return { headers: { 'content-type': content?.descriptor.mediaType ?? '' }, body: content?.bytes ?? '' };
  });
  const own = credential({ password: createSecret(host) });
  const runtime = {
    transport: server.transport,
    createHasher: nodeHasher,
    platform: { os: 'linux', architecture: 'amd64' },
  };
  const store = createMemoryStore({ createHasher: nodeHasher });
  const text = 'its config has a secret in it that was sent to get it';
  await expect(pullImage('r.example/team/app:1', { runtime, store, credential: own })).rejects.toThrow(text);
  await expect(readConfig(connect(server, { credential: own }).session, ref)).rejects.toThrow('it has a secret in it');
});

it('keeps what a registry adds to an error, and by what it knows the request', async () => {
  const errors = [
    { code: 'DENIED', message: 'no', detail: 'ask the owner' },
    { code: 'DENIED', message: 'no', detail: [{ Action: 'pull', n: 1, none: null }] },
    { code: 'DENIED', message: 'no', detail: null },
  ];
  const error = await failureOf({
    status: 403,
    headers: { 'x-request-id': 'abc-1' },
    body: JSON.stringify({ errors }),
  });
  expect(error).toMatchObject({
    requestId: 'abc-1',
    diagnostics: [{ detail: 'ask the owner' }, { detail: '[{"Action":"pull","n":1,"none":null}]' }, { code: 'DENIED' }],
  });
  expect((error as { readonly diagnostics: readonly object[] }).diagnostics[2]).not.toHaveProperty('detail');
});

it.each([499, 520, 521, 522, 523, 524, 525, 526, 527])(
  'takes %i for an answer that may be better later',
  async (status) => {
    expect(await failureOf({ status })).toMatchObject({ status, retryable: true });
  },
);
