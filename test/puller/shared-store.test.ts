import { describe, expect, it } from 'vitest';
import { createSecret, type DockerConfigEntry } from 'kubepull/docker-config';
import { createKeyring } from 'kubepull/keyring';
import { createNodeRuntime, nodeHasher } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';
import { createMemoryStore, isolateStore } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { startRegistry } from '../support/registry.ts';

const platform = { os: 'linux', architecture: 'amd64' } as const;
const image = buildImage({ platform, layers: [{ randomBytes: 50_000, seed: 'tenant-a' }] });

function keyringOf(pattern: string, username: string, password: string) {
  const entry: DockerConfigEntry = {
    pattern,
    source: { kind: 'inline' },
    credential: {
      username,
      password: createSecret(password),
      identityToken: undefined,
      registryToken: undefined,
      email: undefined,
    },
  };
  return createKeyring([entry]);
}

/** Two tenants of one registry and one node; tenant a has pulled its image. */
async function startTenants() {
  const [a, b] = [canary('password'), canary('password')];
  const registry = await startRegistry({
    auth: {
      'a/': { type: 'basic', accounts: [{ username: 'a', password: a }] },
      'b/': { type: 'basic', accounts: [{ username: 'b', password: b }] },
    },
  });
  registry.push('a/app', '1', image);
  const runtime = createNodeRuntime({ platform });
  const store = createMemoryStore({ createHasher: nodeHasher });
  const { host } = registry;
  await pullImage(`${host}/a/app:1`, { runtime, store, plainHttp: [host], keyring: keyringOf(host, 'a', a) });
  return { registry, host, runtime, store, keyring: keyringOf(host, 'b', b) };
}

describe('an image in the store is no proof that one may have it [M12]', () => {
  it.each([
    ['by digest from the other tenant', 'a/app@', 403],
    ['by digest from the own repository, which lacks it', 'b/app@', 404],
  ])('%s', async (_, path, status) => {
    const { host, runtime, store, keyring } = await startTenants();
    try {
      const pull = pullImage(`${host}/${path}${image.descriptor.digest}`, {
        runtime,
        store,
        plainHttp: [host],
        keyring,
      });
      await expect(pull).rejects.toMatchObject({
        code: 'ERR_PULL_FAILED',
        attempts: [{ error: { code: 'ERR_REGISTRY_RESPONSE', status } }],
      });
      expect(await store.resolve(`${host}/${path}${image.descriptor.digest}`)).toBeUndefined();
    } finally {
      await runtime.close();
    }
  });

  it('in an isolated store every tenant fetches the content itself', async () => {
    const { registry, host, runtime, store, keyring } = await startTenants();
    try {
      registry.push('b/copy', '1', image);
      const seen = registry.requests.length;
      await pullImage(`${host}/b/copy:1`, { runtime, store: isolateStore(store), plainHttp: [host], keyring });
      const blobs = registry.requests
        .slice(seen)
        .filter(({ url, status }) => url.includes('/blobs/') && status === 200);
      expect(blobs.length).toBe(2);
    } finally {
      await runtime.close();
    }
  });
});
