// To explain is to look at every entry, and few callers ask: no keyring does it for an answer whose `rejected` nobody reads.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createCredentialProviderKeyring, parseCredentialProviderConfig } from 'kubepull/credential-provider';
import { createCredential, type DockerConfigEntry } from 'kubepull/docker-config';
import { createKeyring, type Keyring, joinKeyrings } from 'kubepull/keyring';
import { openNodeKeyring, loadDockerKeyring } from 'kubepull/node';
import { parseImageName } from 'kubepull/reference';
import { lazyCredentials } from '../../src/image-manager/credentials.ts';
import { planAttempts } from '../../src/puller/try-endpoints.ts';
import type * as match from '../../src/match/match.ts';
import { createUpstreamEndpoint } from 'kubepull/mirrors';

const { compared } = vi.hoisted(() => ({ compared: { count: 0 } }));
vi.mock('../../src/match/match.ts', async (load) => {
  const real = await load<typeof match>();
  const matchParts: typeof real.matchParts = (...given) => {
    compared.count += 1;
    return real.matchParts(...given);
  };
  return { ...real, matchParts };
});

const COUNT = 10_000;
const image = parseImageName('r7.example/app');
const credential = createCredential({ username: 'u', password: 'p' });
const entries = Array.from({ length: COUNT }, (_, index): DockerConfigEntry => ({
  pattern: `r${index}.example`,
  credential,
  source: { kind: 'inline' },
}));
const document = {
  auths: Object.fromEntries(entries.map(({ pattern }) => [pattern, { username: 'u', password: 'p' }])),
};
const auth = Object.fromEntries(entries.map(({ pattern }) => [pattern, { username: 'u', password: 'p' }]));
const response = {
  kind: 'CredentialProviderResponse',
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
  cacheKeyType: 'Global',
  auth,
};
const plugins = createCredentialProviderKeyring(
  parseCredentialProviderConfig({
    kind: 'CredentialProviderConfig',
    apiVersion: 'kubelet.config.k8s.io/v1',
    providers: [
      {
        name: 'many',
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        matchImages: ['r7.example'],
        defaultCacheDuration: '1m',
      },
    ],
  }),
  { exec: () => Promise.resolve(new TextEncoder().encode(JSON.stringify(response))) },
);

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kubepull-'));
  await writeFile(join(dir, 'config.json'), JSON.stringify(document));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe(`an answer of a keyring with ${COUNT} entries`, () => {
  it.each<readonly [string, () => Keyring | Promise<Keyring>]>([
    ['held in memory', () => createKeyring(entries)],
    ['of a union', () => joinKeyrings(createKeyring(entries), plugins)],
    ['of a node', () => openNodeKeyring({ rootDir: dir, workingDir: '/nonexistent', home: '/nonexistent' })],
    ['of Docker', () => loadDockerKeyring({ env: { DOCKER_CONFIG: dir, HOME: '/nonexistent' } })],
    ['of plugins', () => plugins],
  ])('%s compares no entry of another host until `rejected` is read', async (_, make) => {
    const keyring = await make();
    await keyring.lookup(image);
    compared.count = 0;
    const result = await keyring.lookup(image);
    expect(result.candidates.length).toBeGreaterThan(0);
    expect(compared.count).toBeLessThan(10);
    expect(result.rejected.length).toBeGreaterThanOrEqual(COUNT - 1);
    expect(compared.count).toBeGreaterThanOrEqual(COUNT - 1);
  });

  it('is not asked for `rejected` by a pull, nor by the image manager', async () => {
    compared.count = 0;
    const held = createKeyring(entries);
    const endpoint = createUpstreamEndpoint(image);
    const tracing = {
      trace: <T>(_: string, context: object, action: () => Promise<T>) => (JSON.stringify(context), action()),
    };
    const attempts = await planAttempts(image, endpoint, {
      keyring: held,
      signal: undefined,
      runtime: { tracing } as never,
    });
    expect(attempts).toHaveLength(1);
    const pod = { namespace: 'n', name: 'p', uid: '1', serviceAccountName: 'd' };
    const lazy = lazyCredentials(image, [], { keyring: held, pod, tracing: undefined, signal: undefined });
    expect(await lazy()).toHaveLength(1);
    expect(compared.count).toBeLessThan(10);
  });
});
