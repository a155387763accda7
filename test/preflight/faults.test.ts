import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from 'kubepull/clock';
import type { Transport } from 'kubepull/distribution';
import type { FailureCause } from 'kubepull/failures';
import { createNodeRuntime, createUndiciTransport, nodeHasher } from 'kubepull/node';
import { formatPreflight, type ImageCheck, preflight, type PreflightOptions } from 'kubepull/preflight';
import { createPullSecret, type SecretLike } from 'kubepull/pull-secrets';
import { createMemoryStore } from 'kubepull/store';
import { buildImage, buildIndex, type LoopbackRegistry } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { createCertificate } from '../support/certificate.ts';
import { startRegistry } from '../support/registry.ts';

const amd64 = { os: 'linux', architecture: 'amd64' } as const;
const image = buildImage({ platform: amd64, layers: [{ randomBytes: 1000 }] });
const index = buildIndex([image]);

/** A server that is no registry, on a free port of loopback. */
async function serve(listener: RequestListener, certificate?: ReturnType<typeof createCertificate>): Promise<number> {
  const server = certificate === undefined ? createServer(listener) : createTlsServer(certificate, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A port that nothing listens at. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

interface Scene {
  readonly registry: LoopbackRegistry;
  readonly secrets: readonly SecretLike[];
  readonly options: Partial<PreflightOptions>;
  readonly images: Readonly<
    Record<string, { readonly image: string; readonly secret?: string; readonly policy?: string }>
  >;
}

/** One registry and its surroundings, in which each image has a fault of its own. */
async function startScene(): Promise<Scene> {
  const account = (username: string, repositories?: readonly string[]) => ({
    username,
    password: canary('password'),
    ...(repositories === undefined ? {} : { repositories }),
  });
  const [owner, guest] = [account('owner'), account('guest', ['private/other'])];
  const registry = await startRegistry({
    auth: {
      'private/': { type: 'basic', accounts: [owner, guest] },
      'token/': { type: 'bearer', accounts: [owner, guest] },
    },
  });
  for (const repository of [
    'private/app',
    'token/app',
    'open/app',
    'open/limit',
    'open/down',
    'open/lie',
    'open/slow',
    'open/page',
  ])
    registry.push(repository, '1', index);
  registry.push(
    'open/arm',
    '1',
    buildIndex([buildImage({ platform: { os: 'linux', architecture: 'arm64' }, layers: [] })]),
  );
  const status = (path: RegExp, code: number, headers: Record<string, string> = {}) =>
    registry.fault({ path, action: { kind: 'status', status: code, headers } });
  status(/open\/limit/, 429);
  status(/open\/down/, 502);
  registry.fault({ path: /open\/lie/, action: { kind: 'flip', offset: 20 } });
  registry.fault({ path: /open\/slow/, action: { kind: 'stall' } });
  registry.fault({ path: /open\/page/, action: { kind: 'header', name: 'content-type', value: 'text/html' } });

  const certificate = createCertificate(['other.example']);
  const tlsPort = await serve((_, response) => response.end(), certificate);
  const plainPort = await serve((_, response) => response.end());
  const closedPort = await freePort();
  const secret = (name: string, username: string, password: string) =>
    createPullSecret({ name, namespace: 'shop', server: registry.host, username, password });
  const secrets: SecretLike[] = [
    secret('wrong', owner.username, canary('password')),
    secret('guest', guest.username, guest.password),
    {
      metadata: { name: 'broken', namespace: 'shop' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': 'e30K!' },
    },
  ];
  const runtime = createNodeRuntime({
    platform: amd64,
    clock: { ...systemClock, sleep: async (_, call) => call?.signal?.throwIfAborted() },
    tls: { [`trusted.example:${tlsPort}`]: { ca: certificate.cert } },
    lookup: async (host) => {
      if (host.endsWith('.example') && host !== 'nowhere.example') return ['127.0.0.1'];
      throw Object.assign(new Error('no such host'), { code: 'ENOTFOUND' });
    },
  });
  onTestFinished(() => runtime.close());
  // Only where no answer ever comes may a test wait for none.
  const impatient = createUndiciTransport({ headersTimeoutMs: 50 });
  onTestFinished(() => impatient.close());
  const transport: Transport = (request) =>
    (request.url.includes('/open/slow/') ? impatient : runtime).transport(request);
  const at = (name: string) => `${registry.host}/${name}`;
  return {
    registry,
    secrets,
    options: {
      runtime: { ...runtime, transport },
      plainHttp: [registry.host],
      store: createMemoryStore({ createHasher: nodeHasher }),
    },
    images: {
      name: { image: 'Registry.example.com/App:1' },
      tag: { image: at('open/app:gone') },
      repository: { image: at('open/none:1') },
      platform: { image: at('open/arm:1') },
      'auth-missing': { image: at('private/app:1') },
      'auth-wrong': { image: at('private/app:1'), secret: 'wrong' },
      forbidden: { image: at('token/app:1'), secret: 'guest' },
      'rate-limit': { image: at('open/limit:1') },
      registry: { image: at('open/down:1') },
      content: { image: at('open/lie:1') },
      timeout: { image: at('open/slow:1') },
      'tls-authority': { image: `other.example:${tlsPort}/app:1` },
      'tls-name': { image: `trusted.example:${tlsPort}/app:1` },
      'plain-http': { image: `plain.example:${plainPort}/app:1` },
      refused: { image: `closed.example:${closedPort}/app:1` },
      dns: { image: 'nowhere.example/app:1' },
      'secret-missing': { image: at('private/app:1'), secret: 'lost' },
      'secret-malformed': { image: at('open/app:1'), secret: 'broken' },
      never: { image: at('open/app:1'), policy: 'Never' },
    } satisfies Partial<Record<FailureCause, object>>,
  };
}

/** A pod for each image, named for what is wrong with it. */
function podsOf({ images }: Scene): object {
  const items = Object.entries(images).map(([name, { image: wanted, secret, policy }]) => ({
    kind: 'Pod',
    metadata: { name, namespace: 'shop' },
    spec: {
      containers: [{ name: 'app', image: wanted, ...(policy === undefined ? {} : { imagePullPolicy: policy }) }],
      ...(secret === undefined ? {} : { imagePullSecrets: [{ name: secret }] }),
    },
  }));
  return { kind: 'List', items };
}

const podOf = ({ usedBy }: ImageCheck): string | undefined => usedBy[0]?.object.replace('Pod shop/', '');

describe('preflight of pods with a fault each', () => {
  it('names the cause of every one, with a cure, and asks for no config and no layer', async () => {
    const scene = await startScene();
    const report = await preflight(podsOf(scene), { ...scene.options, secrets: scene.secrets } as PreflightOptions);
    const causes = Object.fromEntries(report.images.map((check) => [podOf(check), check.failure?.cause]));
    expect(causes).toEqual(Object.fromEntries(Object.keys(scene.images).map((name) => [name, name])));
    expect(report).toMatchObject({ ok: false, failed: 19, pods: 19 });
    for (const { failure } of report.images) {
      expect(failure?.cure).toMatch(/\w{3}/);
      expect(failure?.title).toMatch(/\w{3}/);
      expect(failure?.message).toMatch(/\w{3}/);
    }
    expect(new Set(scene.registry.requests.map(({ method }) => method))).toEqual(new Set(['GET']));
    expect(scene.registry.requests.filter(({ url }) => url.includes('/blobs/'))).toEqual([]);
    const text = formatPreflight(report);
    for (const { failure } of report.images) expect(text).toContain(`cure: ${failure?.cure}`);
  });
});
