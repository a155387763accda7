import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from 'kubepull/clock';
import type { FailureCause } from 'kubepull/failures';
import { createNodeRuntime } from 'kubepull/node';
import { formatPreflight, preflight } from 'kubepull/preflight';
import { createPullSecret, type SecretLike } from 'kubepull/pull-secrets';
import { buildImage, buildIndex } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { createCertificate } from '../support/certificate.ts';
import { tempDir } from '../support/temp-dir.ts';
import { startTokenServer } from '../support/token-server.ts';
import { fromBytes, pushContents } from './push-image.ts';
import { freeHost } from './servers.ts';
import { proxyTo, startNginx } from './servers-nginx.ts';
import { startRegistryServer } from './servers-registry.ts';

const amd64 = { os: 'linux', architecture: 'amd64' } as const;

it('names the cause of each fault at docker-registry with htpasswd and tokens, and at nginx with TLS, 429 and 503', async () => {
  const data = join(tempDir().path, 'data');
  const image = buildImage({ platform: amd64, layers: [{ randomBytes: 100_000 }] });
  const index = buildIndex([image]);
  const arm = buildIndex([buildImage({ platform: { os: 'linux', architecture: 'arm64' }, layers: [] })]);
  const open = await startRegistryServer({ data });
  const pushed = [index, arm] as const;
  for (const [at, { contents, descriptor }] of pushed.entries()) {
    const sorted = contents.toSorted(
      (a, b) => Number(a.descriptor === descriptor) - Number(b.descriptor === descriptor),
    );
    await pushContents(
      open.origin,
      'team/app',
      ['1', 'arm'][at] ?? '',
      sorted.map((one) => fromBytes(one.descriptor, one.bytes)),
    );
  }

  const right = { username: 'puller', password: canary('password') };
  const wrong = { username: 'puller', password: canary('password') };
  const basic = await startRegistryServer({ data, htpasswd: right });
  const tokens = await startTokenServer(right);
  const bearer = await startRegistryServer({ data, token: { server: tokens, realm: tokens.realm } });
  const certificate = createCertificate(['localhost']);
  const nginx = await startNginx({
    certificate,
    server: [
      `location / { ${proxyTo(open.origin)} }`,
      'location /v2/busy/ { add_header Retry-After 1 always; return 429; }',
      'location /v2/down/ { return 503; }',
    ],
  });
  const port = nginx.host.replace(/.*:/, '');
  const refused = await freeHost();

  const images: Readonly<
    Record<string, { readonly image: string; readonly cause?: FailureCause; readonly secret?: string }>
  > = {
    'basic-good': { image: `${basic.host}/team/app:1`, secret: 'basic-right' },
    'basic-wrong': { image: `${basic.host}/team/app:1`, secret: 'basic-wrong', cause: 'auth-wrong' },
    'basic-none': { image: `${basic.host}/team/app:1`, cause: 'auth-missing' },
    'basic-lost': { image: `${basic.host}/team/app:1`, secret: 'lost', cause: 'secret-missing' },
    'no-tag': { image: `${basic.host}/team/app:gone`, secret: 'basic-right', cause: 'tag' },
    'no-platform': { image: `${basic.host}/team/app:arm`, secret: 'basic-right', cause: 'platform' },
    'token-good': { image: `${bearer.host}/team/app:1`, secret: 'token-right' },
    'token-wrong': { image: `${bearer.host}/team/app:1`, secret: 'token-wrong', cause: 'auth-wrong' },
    'token-none': { image: `${bearer.host}/team/app:1`, cause: 'auth-missing' },
    'tls-other-name': { image: `trusted.example:${port}/team/app:1`, cause: 'tls-name' },
    'tls-trusted': { image: `localhost:${port}/team/app:1` },
    'tls-unknown': { image: `${nginx.host}/team/app:1`, cause: 'tls-authority' },
    busy: { image: `localhost:${port}/busy/app:1`, cause: 'rate-limit' },
    down: { image: `localhost:${port}/down/app:1`, cause: 'registry' },
    plain: { image: `localhost:${open.host.replace(/.*:/, '')}/team/app:1`, cause: 'plain-http' },
    refused: { image: `${refused}/team/app:1`, cause: 'refused' },
  };
  const secret = (name: string, server: string, account: typeof right): SecretLike =>
    createPullSecret({ name, namespace: 'shop', server, ...account });
  const secrets = [
    secret('basic-right', basic.host, right),
    secret('basic-wrong', basic.host, wrong),
    secret('token-right', bearer.host, right),
    secret('token-wrong', bearer.host, wrong),
  ];
  const items = Object.entries(images).map(([name, { image: wanted, secret: named }]) => ({
    metadata: { name, namespace: 'shop' },
    spec: {
      containers: [{ name: 'app', image: wanted }],
      imagePullSecrets: named === undefined ? [] : [{ name: named }],
    },
  }));
  const runtime = createNodeRuntime({
    platform: amd64,
    clock: { ...systemClock, sleep: async () => undefined },
    lookup: async () => ['127.0.0.1'],
    tls: Object.fromEntries(
      ['trusted.example', 'localhost'].map((name) => [`${name}:${port}`, { ca: certificate.cert }]),
    ),
  });
  onTestFinished(() => runtime.close());

  const report = await preflight(items, { runtime, secrets, plainHttp: [basic.host, bearer.host] });
  const podOf = (object = ''): string => object.replace('Pod shop/', '');
  expect(
    Object.fromEntries(report.images.map(({ usedBy, failure }) => [podOf(usedBy[0]?.object), failure?.cause])),
  ).toEqual(Object.fromEntries(Object.entries(images).map(([name, { cause }]) => [name, cause])));
  for (const check of report.images) {
    if (check.failure === undefined) expect(check.platforms[0]?.manifest?.digest).toBe(image.descriptor.digest);
    else expect(formatPreflight(report)).toContain(check.failure.cure);
  }
  expect(nginx.log().filter(({ path }) => path.includes('/blobs/'))).toEqual([]);
});
