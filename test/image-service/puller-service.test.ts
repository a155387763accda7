import { onTestFinished, describe, expect, it } from 'vitest';
import { createImageManager, type ImageEvent } from 'kubepull/image-manager';
import { createPullerImageService } from 'kubepull/image-service';
import { createSecret } from 'kubepull/docker-config';
import { createNodeRuntime, nodeHasher } from 'kubepull/node';
import { createPullSecret } from 'kubepull/pull-secrets';
import { createMemoryStore, type ImageStore } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { startRegistry } from '../support/registry.ts';

const platform = { os: 'linux', architecture: 'amd64' } as const;
const small = buildImage({ platform, layers: [{ files: { 'etc/motd': 'hello\n' } }] });
const large = buildImage({ platform, layers: [{ files: { 'etc/motd': 'hello\n' } }, { files: { 'etc/x': 'x' } }] });
const sizeOf = ({ contents }: typeof small) => contents.reduce((sum, { descriptor: { size } }) => sum + size, 0);

async function setUp(auth = true) {
  const password = canary('password');
  const accounts = [{ username: 'u', password }];
  const registry = await startRegistry(auth ? { auth: { '': { type: 'basic', accounts } } } : {});
  registry.push('team/app', '1', small);
  registry.push('team/app', ['2', 'two'], large);
  const store = createMemoryStore({ createHasher: nodeHasher });
  const runtime = createNodeRuntime();
  onTestFinished(() => runtime.close());
  const options = { runtime, platform, plainHttp: [registry.host], garbageGraceMs: 0, mountpoint: '/images' };
  const images = createPullerImageService({ ...options, store });
  const secret = (name: string, word: string) => ({
    ...createPullSecret({ name, namespace: 'default', server: registry.host, username: 'u', password: word }),
  });
  return { registry, store, options, images, secret, password, image: `${registry.host}/team/app` };
}

const specOf = (image: string) => ({ image, annotations: {}, runtimeHandler: '' });
const nobody = (image: string) => ({ image: specOf(image), auth: undefined, sandbox: undefined });

describe('createPullerImageService', () => {
  it('gives the manager what a runtime would: the second secret is accepted, then the image is there', async () => {
    const { images, image, secret, password } = await setUp();
    const events: ImageEvent[] = [];
    const onEvent = (event: ImageEvent) => void events.push(event);
    const manager = createImageManager({ images, createHasher: nodeHasher, onEvent });
    const pod = {
      metadata: { name: 'web', namespace: 'default', uid: 'u1' },
      spec: { containers: [{ name: 'app', image: `${image}:1` }] },
    };
    const pullSecrets = [secret('stale', canary('password')), secret('fresh', password)];
    const result = await manager.ensureContainerImage({ pod, container: 'app', pullSecrets });
    expect(result).toMatchObject({
      status: 'pulled',
      imageRef: small.manifest.config.digest,
      size: sizeOf(small),
      source: { kind: 'secret', name: 'fresh' },
    });
    expect(await manager.ensureContainerImage({ pod, container: 'app', pullSecrets })).toMatchObject({
      status: 'present',
    });
    // A pod without secrets has to ask the registry, which refuses it.
    const stranger = { ...pod, metadata: { ...pod.metadata, uid: 'u2' } };
    expect(await manager.ensureContainerImage({ pod: stranger, container: 'app' })).toMatchObject({
      status: 'waiting',
      reason: 'ErrImagePull',
    });
    expect(events.map(({ reason }) => reason)).toEqual(['Pulling', 'Pulled', 'Pulled', 'Pulling', 'Failed', 'Failed']);
  });

  it('shows one credential for each call, and fails with the error of that one', async () => {
    const { images, image, registry } = await setUp();
    await expect(images.pullImage(nobody(`${image}:1`))).rejects.toMatchObject({
      code: 'ERR_REGISTRY_RESPONSE',
      status: 401,
    });
    expect(registry.requests.every(({ status }) => status === 401)).toBe(true);
  });

  it('shows a credential that was found by other rules than those of a keyring', async () => {
    const { images, image, password } = await setUp();
    const none = { identityToken: undefined, registryToken: undefined, email: undefined };
    const credential = { username: 'u', password: createSecret(password), ...none };
    const auth = { pattern: 'elsewhere.example', credential, source: { kind: 'inline' } as const };
    expect(await images.pullImage({ ...nobody(`${image}:1`), auth })).toBe(small.manifest.config.digest);
  });

  it('tells of an image by name and by id, and of nothing that is not there', async () => {
    const { images, image } = await setUp(false);
    expect(await images.imageStatus(specOf(`${image}:1`))).toBeUndefined();
    const id = await images.pullImage(nobody(`${image}:1`));
    const expected = {
      id,
      repoTags: [`${image}:1`],
      repoDigests: [`${image}@${small.descriptor.digest}`],
      size: sizeOf(small),
      pinned: false,
      runtimeHandler: '',
    };
    expect(await images.imageStatus(specOf(`${image}:1`))).toEqual(expected);
    expect(await images.imageStatus(specOf(id))).toEqual(expected);
    expect(await images.imageStatus(specOf(`sha256:${'0'.repeat(64)}`))).toBeUndefined();
  });

  it('lists each image once, and counts shared content once', async () => {
    const { images, image } = await setUp(false);
    for (const tag of ['1', '2', 'two']) await images.pullImage(nobody(`${image}:${tag}`));
    const list = await images.listImages();
    expect(list.map(({ repoTags }) => repoTags)).toEqual([[`${image}:1`], [`${image}:2`, `${image}:two`]]);
    const contents = new Map(
      [...small.contents, ...large.contents].map(({ descriptor }) => [descriptor.digest, descriptor.size]),
    );
    const usedBytes = [...contents.values()].reduce((sum, size) => sum + size, 0);
    expect(await images.imageFsInfo()).toEqual([{ mountpoint: '/images', usedBytes, inodesUsed: undefined }]);
  });

  it('removes an image with all its names and its content, and nothing of others', async () => {
    const { images, image, store } = await setUp(false);
    for (const tag of ['1', '2', 'two']) await images.pullImage(nobody(`${image}:${tag}`));
    await images.removeImage(specOf(`${image}:2`));
    await images.removeImage(specOf(`${image}:2`));
    expect(await store.names()).toEqual([`${image}:1`]);
    expect(await store.has(large.descriptor)).toBe(false);
    expect((await images.listImages()).map(({ id }) => id)).toEqual([small.manifest.config.digest]);
  });

  it('pins what the option says', async () => {
    const { options, store, image } = await setUp(false);
    const images = createPullerImageService({ ...options, store, isPinned: (name) => name.endsWith(':1') });
    await images.pullImage(nobody(`${image}:1`));
    expect(await images.listImages()).toMatchObject([{ pinned: true }]);
  });

  it('passes the options of a pull on', async () => {
    const { options, store, image, registry } = await setUp(false);
    const arm64 = { os: 'linux', architecture: 'arm64' };
    registry.push('team/app', 'arm64', buildImage({ platform: arm64, layers: [{ files: { a: 'a' } }] }));
    const serviceWith = (more: object) => createPullerImageService({ ...options, store, ...more });
    const pull = (more: object) => serviceWith(more).pullImage(nobody(`${image}:arm64`));
    await expect(pull({})).resolves.toMatch(/^sha256:/);
    await expect(pull({ strictPlatform: true })).rejects.toMatchObject({ code: 'ERR_PLATFORM_NOT_FOUND' });
    await expect(pull({ limits: { maxValues: 2 } })).rejects.toThrow('(limit maxValues)');
    registry.fault({ path: /manifests/, action: { kind: 'redirect', location: '/v2/team/app/manifests/1' } });
    await expect(pull({ maxRedirects: 0 })).rejects.toThrow('the option maxRedirects allows more');
    expect(() => serviceWith({ redirectPolicy: 'open' })).toThrow('redirectPolicy must be');
  });

  it('works with a store that cannot be listed, but for what needs a list', async () => {
    const { options, store, image } = await setUp(false);
    const { has, read, ingest, resolve, tag } = store;
    const plain: ImageStore = { has, read, ingest, resolve, tag };
    const images = createPullerImageService({ ...options, store: plain });
    const id = await images.pullImage(nobody(`${image}:1`));
    expect(await images.imageStatus(specOf(`${image}:1`))).toMatchObject({ id });
    expect(await images.imageStatus(specOf(id))).toBeUndefined();
    for (const work of [images.listImages(), images.removeImage(specOf(image)), images.imageFsInfo()]) {
      await expect(work).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    }
  });
});
