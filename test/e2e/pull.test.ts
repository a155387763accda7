import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSecret, type DockerConfigEntry } from 'kubepull/docker-config';
import { isImageError, PlatformNotFoundError, PullFailedError } from 'kubepull/errors';
import { createKeyring } from 'kubepull/keyring';
import { createNodeRuntime, nodeHasher, openOciLayout } from 'kubepull/node';
import { pullImage, pullImageEvents, formatStoreName, type PullEvent, type PullOptions } from 'kubepull/puller';
import { createMemoryStore } from 'kubepull/store';
import { buildImage, buildIndex } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { assertLayoutValid } from '../support/layout-check.ts';
import { startRegistry } from '../support/registry.ts';
import { tempDir } from '../support/temp-dir.ts';

const amd64 = { os: 'linux', architecture: 'amd64' } as const;
const arm64 = { os: 'linux', architecture: 'arm64', variant: 'v8' } as const;

const layers = (seed: string) => [
  { files: { 'etc/motd': `for ${seed}\n` } },
  { randomBytes: 300_000, seed },
  { randomBytes: 20_000, seed: `${seed}-2` },
];

const entry = (pattern: string, username: string, password: string): DockerConfigEntry => ({
  pattern,
  source: { kind: 'secret', namespace: 'default', name: `${username}-at-${pattern}`, uid: undefined },
  credential: {
    username,
    password: createSecret(password),
    identityToken: undefined,
    registryToken: undefined,
    email: undefined,
  },
});

async function withRuntime<T>(use: (base: Omit<PullOptions, 'store'>) => Promise<T>): Promise<T> {
  const runtime = createNodeRuntime({ platform: amd64 });
  try {
    return await use({ runtime });
  } finally {
    await runtime.close();
  }
}

const credentialRows = (events: readonly PullEvent[]): readonly string[] =>
  events.flatMap((event) => (event.type === 'credential' ? [`${event.rank} ${event.outcome}`] : []));

async function collect(events: AsyncIterable<PullEvent>): Promise<PullEvent[]> {
  const all: PullEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe('pullImageEvents', () => {
  it.each(['basic', 'bearer'] as const)(
    'pulls a private image with the second credential over %s auth',
    async (type) => {
      const [right, wrong] = [canary('password'), canary('password')];
      const registry = await startRegistry({
        auth: { 'team/': { type, accounts: [{ username: 'u', password: right }] } },
      });
      const images = [amd64, arm64].map((platform) => buildImage({ platform, layers: layers(platform.architecture) }));
      registry.push('team/app', '1', buildIndex(images));
      const keyring = createKeyring([
        entry(registry.host, 'u', right),
        entry(`${registry.host}/team`, 'u', wrong),
        entry(`${registry.host}/team/`, 'u', wrong),
      ]);
      const layout = join(tempDir().path, 'layout');
      const store = await openOciLayout(layout);
      const image = `${registry.host}/team/app:1`;
      const events = await withRuntime((base) =>
        collect(pullImageEvents(image, { ...base, store, keyring, platform: arm64, plainHttp: [registry.host] })),
      );

      expect(credentialRows(events)).toEqual(['1 trying', '1 rejected', '2 duplicate', '3 trying', '3 accepted']);
      const last = events.at(-1);
      if (last?.type !== 'pulled') throw new Error('No image');
      expect(last.image).toMatchObject({
        image,
        name: image,
        imageRef: images[1]?.manifest.config.digest,
        platform: arm64,
        source: { name: `u-at-${registry.host}` },
        attempts: [{ rank: 1, error: { code: 'ERR_REGISTRY_RESPONSE', status: 401 } }],
      });
      expect(await store.resolve(formatStoreName(image))).toMatchObject({ digest: images[1]?.descriptor.digest });
      await assertLayoutValid(layout);
    },
  );

  it('reports each layer from start to verification, and skips what the store has', async () => {
    const registry = await startRegistry({});
    registry.push('app', '1', buildImage({ platform: amd64, layers: layers('x') }));
    const store = createMemoryStore({ createHasher: nodeHasher });
    const image = `${registry.host}/app:1`;
    await withRuntime(async (base) => {
      const options = { ...base, store, plainHttp: [registry.host] };
      const phases = (events: readonly PullEvent[]): readonly string[] =>
        events.flatMap((event) => (event.type === 'blob' && event.phase !== 'progress' ? [event.phase] : []));
      const first = phases(await collect(pullImageEvents(image, options)));
      expect(first.toSorted()).toEqual([...Array(4).fill('started'), ...Array(4).fill('verified')]);
      const before = registry.requests.length;
      expect(phases(await collect(pullImageEvents(image, options)))).toEqual(Array(4).fill('skipped'));
      expect(registry.requests.slice(before).filter(({ url }) => url.includes('/blobs/'))).toEqual([]);
    });
  });

  it('cancels the pull when the reader leaves', async () => {
    const registry = await startRegistry({});
    registry.push('app', '1', buildImage({ platform: amd64, layers: layers('x') }));
    const store = createMemoryStore({ createHasher: nodeHasher });
    const image = `${registry.host}/app:1`;
    await withRuntime(async (base) => {
      for await (const event of pullImageEvents(image, { ...base, store, plainHttp: [registry.host] })) {
        if (event.type === 'manifest') break;
      }
      expect(await store.resolve(formatStoreName(image))).toBeUndefined();
    });
  });
});

describe('pullImage', () => {
  it('tries nobody when the keyring has nothing for the image', async () => {
    const registry = await startRegistry({});
    registry.push('app', 'latest', buildImage({ platform: amd64, layers: layers('x') }));
    const store = createMemoryStore({ createHasher: nodeHasher });
    const keyring = createKeyring([entry('other.example', 'u', canary('password', []))]);
    const pulled = await withRuntime((base) =>
      pullImage(`${registry.host}/app`, { ...base, store, keyring, plainHttp: [registry.host] }),
    );
    expect(pulled).toMatchObject({ source: { kind: 'anonymous' }, attempts: [], name: `${registry.host}/app:latest` });
  });

  it('makes no anonymous attempt after a refused credential', async () => {
    const registry = await startRegistry({ auth: { 'team/': { type: 'basic', accounts: [] } } });
    registry.push('team/app', '1', buildImage({ platform: amd64, layers: layers('x') }));
    const store = createMemoryStore({ createHasher: nodeHasher });
    const keyring = createKeyring([entry(registry.host, 'u', canary('password'))]);
    const image = `${registry.host}/team/app:1`;
    const error = await withRuntime((base) =>
      pullImage(image, { ...base, store, keyring, plainHttp: [registry.host] }),
    ).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(PullFailedError);
    expect((error as PullFailedError).attempts.map(({ source }) => source.kind)).toEqual(['secret']);
    expect((error as PullFailedError).message).toContain('401');
  });

  it('says which platforms exist when the wanted one does not', async () => {
    const registry = await startRegistry({});
    registry.push('app', '1', buildIndex([buildImage({ platform: arm64, layers: layers('x') })]));
    registry.push('app', 'plain', buildImage({ platform: arm64, layers: layers('x') }));
    const store = createMemoryStore({ createHasher: nodeHasher });
    for (const tag of ['1', 'plain']) {
      const error = await withRuntime((base) =>
        pullImage(`${registry.host}/app:${tag}`, {
          ...base,
          store,
          strictPlatform: true,
          plainHttp: [registry.host],
        }),
      ).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(PlatformNotFoundError);
      expect((error as PlatformNotFoundError).available).toEqual([arm64]);
    }
  });

  it('stores nothing under a digest when a layer is tampered with [S08]', async () => {
    const registry = await startRegistry({});
    const image = buildImage({ platform: amd64, layers: layers('x') });
    registry.push('app', '1', image);
    const layer = image.manifest.layers[1];
    if (layer === undefined) throw new Error('No layer');
    registry.fault({ path: new RegExp(layer.digest), action: { kind: 'flip', offset: 1000 } });
    const store = createMemoryStore({ createHasher: nodeHasher });
    const pull = withRuntime((base) =>
      pullImage(`${registry.host}/app:1`, { ...base, store, plainHttp: [registry.host] }),
    );
    await expect(pull).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH', expected: { digest: layer.digest } });
    expect(await store.has(layer)).toBe(false);
    expect(await store.resolve(`${registry.host}/app:1`)).toBeUndefined();
  });

  it('resumes a layer that was cut', async () => {
    const registry = await startRegistry({});
    const image = buildImage({ platform: amd64, layers: layers('x') });
    registry.push('app', '1', image);
    const layer = image.manifest.layers[1];
    if (layer === undefined) throw new Error('No layer');
    registry.fault({ path: new RegExp(layer.digest), times: 1, action: { kind: 'cut', afterBytes: 100_000 } });
    const store = createMemoryStore({ createHasher: nodeHasher });
    await withRuntime((base) => pullImage(`${registry.host}/app:1`, { ...base, store, plainHttp: [registry.host] }));
    expect(await store.has(layer)).toBe(true);
    const ranges = registry.requests
      .filter(({ url }) => url.includes(layer.digest))
      .map(({ headers }) => headers['range']);
    expect(ranges).toHaveLength(2);
    expect(ranges[1]).toMatch(/^bytes=\d+-/);
  });

  it('refuses plain HTTP unless the registry is listed', async () => {
    const registry = await startRegistry({});
    registry.push('app', '1', buildImage({ platform: amd64, layers: layers('x') }));
    const store = createMemoryStore({ createHasher: nodeHasher });
    const error = await withRuntime((base) => pullImage(`${registry.host}/app:1`, { ...base, store })).catch(
      (caught: unknown) => caught,
    );
    expect(isImageError(error) && error.code).toBe('ERR_PULL_FAILED');
    expect(registry.requests).toEqual([]);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses %d parallel downloads',
    async (maxParallelDownloads) => {
      const store = createMemoryStore({ createHasher: nodeHasher });
      await withRuntime(async (base) => {
        const pull = pullImage('app', { ...base, store, maxParallelDownloads });
        await expect(pull).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
      });
    },
  );

  it("rejects with the signal's reason when aborted", async () => {
    const store = createMemoryStore({ createHasher: nodeHasher });
    const reason = new Error('enough');
    await withRuntime(async (base) => {
      await expect(pullImage('app', { ...base, store, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });
  });
});
