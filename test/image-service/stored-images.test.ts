import { describe, expect, it, onTestFinished } from 'vitest';
import { computeDigest, type DigestAlgorithm } from 'kubepull/digest';
import { StoreError } from 'kubepull/errors';
import { createPullerImageService } from 'kubepull/image-service';
import { createNodeRuntime, nodeHasher } from 'kubepull/node';
import { MEDIA_TYPES } from 'kubepull/oci';
import { createMemoryStore, type ManagedStore, writeContent } from 'kubepull/store';
import { buildImage, type BuiltImage } from 'kubepull/testing';

const platform = { os: 'linux', architecture: 'amd64' } as const;
const images = Array.from({ length: 100 }, (_, at) => buildImage({ platform, layers: [{ files: { at: `${at}` } }] }));
const nameOf = (at: number): string => `registry.example.com/app-${at}:1`;
const specOf = (image: string) => ({ image, annotations: {}, runtimeHandler: '' });

/** A store whose calls are counted, and how many of them were under way at once. */
function counted(store: ManagedStore) {
  const calls = { names: 0, resolve: 0, has: 0, read: 0, untag: 0, now: 0, most: 0 };
  const during = async <T>(what: 'names' | 'resolve' | 'has' | 'untag', call: () => Promise<T>): Promise<T> => {
    calls[what] += 1;
    calls.most = Math.max(calls.most, (calls.now += 1));
    try {
      return await call();
    } finally {
      calls.now -= 1;
    }
  };
  const plug: ManagedStore = {
    ...store,
    names: (options) => during('names', () => store.names(options)),
    resolve: (name, options) => during('resolve', () => store.resolve(name, options)),
    has: (descriptor, options) => during('has', () => store.has(descriptor, options)),
    untag: (name, options) => during('untag', () => store.untag(name, options)),
    read(descriptor, options) {
      calls.read += 1;
      return store.read(descriptor, options);
    },
  };
  return { calls, plug };
}

/** A service over a store in which each image has as many names. */
async function setUp(
  built: readonly BuiltImage[],
  namesEach = 1,
  change: (store: ManagedStore) => object = () => ({}),
) {
  const store = createMemoryStore({ createHasher: nodeHasher });
  for (const [at, { contents, descriptor }] of built.entries()) {
    for (const content of contents) await writeContent(store, content.descriptor, content.bytes);
    for (let more = 0; more < namesEach; more += 1) await store.tag(nameOf(at * namesEach + more), descriptor);
  }
  const { calls, plug } = counted({ ...store, ...change(store) });
  const runtime = createNodeRuntime();
  onTestFinished(() => runtime.close());
  return { calls, store, service: createPullerImageService({ runtime, store: plug, garbageGraceMs: 0 }) };
}

describe('the images that createPullerImageService finds in a store', () => {
  it.each([10, 100])(
    'are listed with one look-up for each of %i names, and one read of each manifest',
    async (count) => {
      const { calls, service } = await setUp(images.slice(0, count));
      expect(await service.listImages()).toHaveLength(count);
      expect(calls).toMatchObject({ names: 1, resolve: count, has: 0, read: count });
      expect(calls.most).toBeGreaterThan(1);
      expect(calls.most).toBeLessThanOrEqual(16);
    },
  );

  it('are read once however many names they have, and listed in the order of their names', async () => {
    const { calls, service } = await setUp(images.slice(0, 3), 100);
    const list = await service.listImages();
    expect(list.map(({ repoTags }) => repoTags)).toEqual(
      [0, 100, 200].map((from) => Array.from({ length: 100 }, (_, at) => nameOf(from + at))),
    );
    expect(calls).toMatchObject({ names: 1, resolve: 300, has: 0, read: 3 });
  });

  it('are measured, and found by id, with one list', async () => {
    const { calls, service } = await setUp(images.slice(0, 20));
    const id = images[13]?.manifest.config.digest ?? '';
    expect(await service.imageStatus(specOf(id))).toMatchObject({ id, repoTags: [nameOf(13)] });
    expect(calls).toMatchObject({ names: 1, resolve: 20, read: 20 });
    await service.imageFsInfo();
    expect(calls).toMatchObject({ names: 2, resolve: 40, read: 40 });
  });

  it('are removed by id with one list, and by name with one more read', async () => {
    const { calls, service, store } = await setUp(images.slice(0, 20), 2);
    await service.removeImage(specOf(images[3]?.manifest.config.digest ?? ''));
    expect(calls).toMatchObject({ names: 1, resolve: 40, read: 20, untag: 2 });
    await service.removeImage(specOf(nameOf(10)));
    expect(calls).toMatchObject({ names: 2, resolve: 79, read: 40, untag: 4 });
    expect(await store.names()).toHaveLength(36);
  });

  it.each(['sha256', 'sha384', 'sha512'] as const)('are found and removed by an id of %s', async (algorithm) => {
    const { service, store } = await setUp([]);
    const content = (text: string, mediaType: string, by: DigestAlgorithm = 'sha256') => {
      const bytes = new TextEncoder().encode(text);
      return { descriptor: { mediaType, digest: computeDigest(bytes, nodeHasher, by), size: bytes.length }, bytes };
    };
    const config = content('{}', MEDIA_TYPES.ociConfig, algorithm);
    const document = { schemaVersion: 2, config: config.descriptor, layers: [] };
    const manifest = content(JSON.stringify(document), MEDIA_TYPES.ociManifest);
    for (const { descriptor, bytes } of [config, manifest]) await writeContent(store, descriptor, bytes);
    await store.tag(nameOf(1), manifest.descriptor);
    await store.tag(nameOf(2), manifest.descriptor);
    const { digest: id } = config.descriptor;
    expect(await service.imageStatus(specOf(id))).toMatchObject({ id, repoTags: [nameOf(1), nameOf(2)] });
    await service.removeImage(specOf(id));
    expect(await service.listImages()).toEqual([]);
    expect(await store.has(config.descriptor)).toBe(false);
  });

  it('are passed over where a name leads to nothing by now', async () => {
    const absent = buildImage({ layers: [] }).descriptor;
    const gone = (store: ManagedStore) => ({
      resolve: async (name: string) => (name === nameOf(1) ? undefined : store.resolve(name)),
      read: (target: BuiltImage['descriptor']) =>
        store.read(target.digest === images[2]?.descriptor.digest ? absent : target),
      has: async (target: BuiltImage['descriptor']) =>
        target.digest !== images[2]?.descriptor.digest && store.has(target),
    });
    const { calls, service } = await setUp(images.slice(0, 4), 1, gone);
    expect((await service.listImages()).map(({ repoTags }) => repoTags)).toEqual([[nameOf(0)], [nameOf(3)]]);
    expect(calls.has).toBe(1);
  });

  it('are looked for in each list, and understood in the first: content does not change under its digest', async () => {
    let isSecond = false;
    const blank = (store: ManagedStore) => ({
      async *read(target: BuiltImage['descriptor']) {
        for await (const chunk of store.read(target)) yield isSecond ? new Uint8Array(chunk.length) : chunk;
      },
    });
    const { calls, service, store } = await setUp(images.slice(0, 4), 1, blank);
    const first = await service.listImages();
    isSecond = true;
    expect(await service.listImages()).toEqual(first);
    expect(calls.read).toBe(8);
    await store.untag(nameOf(2));
    await store.collectGarbage({ graceMs: 0 });
    expect((await service.listImages()).map(({ repoTags }) => repoTags)).toEqual([0, 1, 3].map((at) => [nameOf(at)]));
  });

  it('are not read on when one that is there cannot be read', async () => {
    const failure = new StoreError('the disk failed', { operation: 'read' });
    const failing = () => ({
      read: () => {
        throw failure;
      },
    });
    const { calls, service } = await setUp(images, 1, failing);
    await expect(service.listImages()).rejects.toBe(failure);
    expect(calls.read).toBeLessThanOrEqual(32);
  });
});
