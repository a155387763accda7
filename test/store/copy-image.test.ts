import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { type Descriptor, type ImageIndex, MEDIA_TYPES, parseImageIndex } from 'kubepull/oci';
import { parsePlatform, selectManifest } from 'kubepull/platform';
import {
  checkClosure,
  copyContent,
  type CopyEvent,
  copyImage,
  type CopyImageOptions,
  createMemoryStore,
  type ImageStore,
  readContent,
  writeContent,
} from 'kubepull/store';
import { buildImage, buildIndex, type BuiltImage, type BuiltIndex } from 'kubepull/testing';

const NAME = 'registry.example.com/app:1';
const platforms = ['linux/amd64', 'linux/arm64/v8', 'linux/arm/v7'].map((text) => parsePlatform(text));
const images = platforms.map((platform, place) =>
  buildImage({ platform, layers: [{ files: { shared: 'by all' } }, { files: { own: String(place) } }] }),
);
const multi = buildIndex(images, { attestations: true, annotations: { 'com.example.team': 'a' } });
const select = (text: string) => (index: ImageIndex) => selectManifest(index, parsePlatform(text));

const createHasher = nodeHasher;
const memoryStore = (): ImageStore => createMemoryStore({ createHasher: nodeHasher });

async function storeWith(image: BuiltImage | BuiltIndex, name = NAME): Promise<ImageStore> {
  const store = memoryStore();
  for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
  await store.tag(name, image.descriptor);
  return store;
}

/** The digests that were read from a store. */
function watchReads(store: ImageStore): { readonly store: ImageStore; readonly reads: string[] } {
  const reads: string[] = [];
  return {
    reads,
    store: {
      ...store,
      read(descriptor, options) {
        reads.push(descriptor.digest);
        return store.read(descriptor, options);
      },
    },
  };
}

const bytesOf = (store: ImageStore, descriptor: Descriptor): Promise<Uint8Array> =>
  readContent(store, descriptor, { maxBytes: 1e6 });

/** Copies, and gives the index that the target has then. */
async function narrowedIndex(image: BuiltIndex, options: CopyImageOptions): Promise<ImageIndex> {
  const to = memoryStore();
  const { root } = await copyImage(await storeWith(image), NAME, to, { createHasher: nodeHasher, ...options });
  expect(await to.resolve(NAME)).toMatchObject({ digest: root.digest, size: root.size });
  return parseImageIndex(await bytesOf(to, root), { mediaType: root.mediaType });
}

describe('copyImage', () => {
  it('copies an index with the images of all platforms, byte for byte, and names it last', async () => {
    const [from, to] = [await storeWith(multi), memoryStore()];
    const copied = await copyImage(from, NAME, to);
    expect(copied).toMatchObject({ name: NAME, root: { digest: multi.descriptor.digest } });
    expect(copied.contents.map(({ digest }) => digest).toSorted()).toEqual([...multi.blobs.keys()].toSorted());
    expect((await to.resolve(NAME))?.digest).toBe(multi.descriptor.digest);
    for (const { descriptor, bytes } of multi.contents)
      expect(await bytesOf(to, descriptor)).toEqual(Uint8Array.from(bytes));
  });

  it('writes what is named before what names it', async () => {
    const to = memoryStore();
    const order: string[] = [];
    const observed: ImageStore = {
      ...to,
      async ingest(descriptor, options) {
        if (order.length < multi.contents.length) order.push(descriptor.digest);
        return to.ingest(descriptor, options);
      },
    };
    const nested = buildIndex([multi]);
    await copyImage(await storeWith(nested), NAME, observed);
    const at = ({ digest }: Descriptor): number => order.indexOf(digest);
    for (const { manifest, descriptor } of images) {
      for (const named of [manifest.config, ...manifest.layers]) expect(at(named)).toBeLessThan(at(descriptor));
      expect(at(descriptor)).toBeLessThan(at(multi.descriptor));
    }
    expect(order.at(-1)).toBe(multi.descriptor.digest);
  });

  it('does not read again what the target has', async () => {
    const { store, reads } = watchReads(await storeWith(multi));
    const to = memoryStore();
    const [first] = images;
    if (first === undefined) throw new Error('No image');
    for (const { descriptor, bytes } of first.contents) await writeContent(to, descriptor, bytes);
    const events: CopyEvent[] = [];
    await copyImage(store, NAME, to, { onEvent: (event) => events.push(event) });
    for (const { digest } of first.manifest.layers) expect(reads).not.toContain(digest);
    const skipped = events.flatMap((event) =>
      event.type === 'blob' && event.phase === 'skipped' ? [event.descriptor.digest] : [],
    );
    expect(skipped.toSorted()).toEqual([...first.blobs.keys()].toSorted());
  });

  it('gives the image another name in the target', async () => {
    const to = memoryStore();
    expect((await copyImage(await storeWith(multi), NAME, to, { as: 'mirror/app:1' })).name).toBe('mirror/app:1');
    expect(await to.resolve(NAME)).toBeUndefined();
    expect((await to.resolve('mirror/app:1'))?.digest).toBe(multi.descriptor.digest);
  });

  it('names an image again when source and target are one store', async () => {
    const store = await storeWith(multi);
    await copyImage(store, NAME, store, { as: 'app:stable' });
    expect(await store.resolve('app:stable')).toEqual(await store.resolve(NAME));
  });

  it('tells the plan, then each content from its start to its verified end', async () => {
    const [image] = images;
    if (image === undefined) throw new Error('No image');
    const events: CopyEvent[] = [];
    const { contents } = await copyImage(await storeWith(image), NAME, memoryStore(), {
      onEvent: (event) => events.push(event),
    });
    const bytes = image.contents.reduce((total, content) => total + content.bytes.length, 0);
    expect(events[0]).toEqual({ type: 'plan', contents, bytes });
    const expected = contents.flatMap((descriptor) => [
      { type: 'blob', descriptor, phase: 'started', bytes: 0 },
      { type: 'blob', descriptor, phase: 'progress', bytes: descriptor.size },
      { type: 'blob', descriptor, phase: 'verified', bytes: descriptor.size },
    ]);
    expect(events.slice(1)).toEqual(expected);
  });

  it('ends with the error of whoever listens', async () => {
    const to = memoryStore();
    const onEvent = (): never => {
      throw new RangeError('enough');
    };
    await expect(copyImage(await storeWith(multi), NAME, to, { onEvent })).rejects.toThrow(RangeError);
    expect(await to.resolve(NAME)).toBeUndefined();
  });
});

describe('copyImage, with a choice', () => {
  it('copies one image in place of the index, and nothing of the others', async () => {
    const [from, to] = [await storeWith(multi), memoryStore()];
    const { root, contents } = await copyImage(from, NAME, to, { select: select('linux/arm64'), createHasher });
    expect(root.digest).toBe(images[1]?.descriptor.digest);
    expect(contents.map(({ digest }) => digest).toSorted()).toEqual([...(images[1]?.blobs.keys() ?? [])].toSorted());
    expect(await to.has(multi.descriptor)).toBe(false);
  });

  it('goes down through indexes within indexes', async () => {
    const nested = buildIndex([buildIndex([multi])]);
    const select = (index: ImageIndex): Descriptor => {
      const [only] = index.manifests;
      return index.manifests.length === 1 && only !== undefined
        ? only
        : selectManifest(index, parsePlatform('linux/arm/v7'));
    };
    const { root } = await copyImage(await storeWith(nested), NAME, memoryStore(), { select, createHasher });
    expect(root.digest).toBe(images[2]?.descriptor.digest);
  });

  it('takes a single image as it is', async () => {
    const [image] = images;
    if (image === undefined) throw new Error('No image');
    const select = (): never => {
      throw new Error('not asked');
    };
    const { root } = await copyImage(await storeWith(image), NAME, memoryStore(), { select, createHasher });
    expect(root.digest).toBe(image.descriptor.digest);
  });

  it('narrows an index to some entries, in its order, with all its other fields', async () => {
    const text = JSON.stringify({ ...multi.index, 'x-own': { deep: [1, '__proto__'] } });
    const bytes = new TextEncoder().encode(text.replace('{', '{"__proto__":{"kept":true},'));
    const digest = computeDigest(bytes, nodeHasher);
    const descriptor = { mediaType: MEDIA_TYPES.ociIndex, digest, size: bytes.length };
    const from = await storeWith(multi, 'other');
    await writeContent(from, descriptor, bytes);
    await from.tag(NAME, descriptor);
    const to = memoryStore();
    const { root } = await copyImage(from, NAME, to, {
      createHasher: nodeHasher,
      select: ({ manifests }) =>
        manifests
          .filter(({ platform }) => platform?.architecture === 'arm' || platform?.architecture === 'arm64')
          .toReversed(),
    });
    const narrowed = JSON.parse(new TextDecoder().decode(await bytesOf(to, root))) as Record<string, unknown>;
    const original = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    expect(Object.keys(narrowed)).toEqual(Object.keys(original));
    expect(narrowed).toEqual({ ...original, manifests: [images[1]?.descriptor, images[2]?.descriptor] });
    expect(Object.hasOwn(narrowed, '__proto__')).toBe(true);
    expect(await checkClosure(to, root)).toHaveLength(1 + 2 * 3 + 1);
    expect(await to.has(images[0]?.descriptor ?? root)).toBe(false);
  });

  it('narrows indexes within indexes, and keeps the bytes of an index that stays whole', async () => {
    const other = buildIndex([images[0] ?? multi]);
    const nested = buildIndex([multi, other]);
    const { manifests } = await narrowedIndex(nested, {
      select: (index) => index.manifests.filter(({ platform }) => platform?.architecture !== 'arm'),
    });
    expect(manifests).toHaveLength(2);
    expect(manifests[0]?.digest).not.toBe(multi.descriptor.digest);
    expect(manifests[1]?.digest).toBe(other.descriptor.digest);
    const unchanged = await narrowedIndex(nested, { select: (index) => index.manifests });
    expect(unchanged.manifests.map(({ digest }) => digest)).toEqual([multi.descriptor.digest, other.descriptor.digest]);
  });

  it('puts an image that was chosen from an inner index in its place', async () => {
    const nested = buildIndex([multi]);
    const { manifests } = await narrowedIndex(nested, {
      select: (index) =>
        index.manifests.length === 1 ? index.manifests : selectManifest(index, parsePlatform('linux/arm64')),
    });
    expect(manifests).toEqual([images[1]?.descriptor]);
  });

  it.each([
    ['nothing', (): Descriptor[] => [], 'nothing was chosen from the index'],
    ['what is not there', () => buildImage({ layers: [] }).descriptor, 'what was chosen is not in the index'],
  ])('refuses a choice of %s', async (_, select, reason) => {
    const to = memoryStore();
    await expect(copyImage(await storeWith(multi), NAME, to, { select, createHasher })).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
      message: `Cannot copy ${multi.descriptor.digest}: ${reason}`,
    });
    expect(await to.resolve(NAME)).toBeUndefined();
  });

  it('refuses to choose where it cannot verify what it chooses from', async () => {
    const { store, reads } = watchReads(await storeWith(multi));
    await expect(copyImage(store, NAME, memoryStore(), { select: select('linux/arm64') })).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
      message: `Cannot copy ${multi.descriptor.digest}: select needs the option createHasher`,
    });
    expect(reads).toEqual([]);
  });

  it('does not choose from an index that is not what its descriptor says', async () => {
    const from = await storeWith(multi);
    const other = Buffer.from(JSON.stringify(multi.index).replaceAll('arm64', 'amd64'));
    const source: ImageStore = {
      ...from,
      read: (descriptor, options) =>
        descriptor.digest === multi.descriptor.digest
          ? (async function* () {
              yield other;
            })()
          : from.read(descriptor, options),
    };
    const copying = copyImage(source, NAME, memoryStore(), { select: select('linux/amd64'), createHasher });
    await expect(copying).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
  });

  it('asks once about an index that is listed again and again', async () => {
    let wide = buildIndex([multi]);
    for (let level = 0; level < 2; level += 1) wide = buildIndex(Array.from({ length: 200 }, () => wide));
    let asked = 0;
    const select = ({ manifests }: ImageIndex): readonly Descriptor[] => {
      asked += 1;
      return manifests.filter(({ platform }) => platform?.architecture !== 'arm');
    };
    const { contents } = await copyContent(await storeWith(wide), wide.descriptor, memoryStore(), {
      select,
      createHasher,
    });
    expect(asked).toBe(4);
    expect(contents.filter(({ mediaType }) => mediaType === MEDIA_TYPES.ociIndex)).toHaveLength(4);
  });

  it('refuses an index that is nested without end', async () => {
    let deep: BuiltIndex = multi;
    for (let level = 0; level < 4; level += 1) deep = buildIndex([deep]);
    const from = memoryStore();
    for (const { descriptor, bytes } of deep.contents) await writeContent(from, descriptor, bytes);
    const select = ({ manifests: [first] }: ImageIndex): Descriptor => first ?? deep.descriptor;
    await expect(copyContent(from, deep.descriptor, memoryStore(), { select, createHasher })).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'copy',
    });
  });
});

describe('copyImage, when it fails', () => {
  it('says that the source has no such name', async () => {
    await expect(copyImage(memoryStore(), 'a"b', memoryStore())).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'resolve',
      message: String.raw`Cannot copy "a\"b": the store has no such name`,
    });
  });

  it('copies nothing when the source lacks content', async () => {
    const from = await storeWith(multi);
    const missing = images[1]?.manifest.layers[1]?.digest;
    const source: ImageStore = {
      ...from,
      has: async (descriptor, options) => descriptor.digest !== missing && from.has(descriptor, options),
    };
    const to = memoryStore();
    await expect(copyImage(source, NAME, to)).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'copy',
      message: expect.stringMatching(
        new RegExp(`^Cannot copy ${multi.descriptor.digest}: the store lacks ${missing} `),
      ),
    });
    for (const { descriptor } of multi.contents) expect(await to.has(descriptor)).toBe(false);
  });

  it('refuses content that is not what the source says, and names nothing', async () => {
    const from = await storeWith(multi);
    const target = images[2]?.manifest.layers[1]?.digest;
    const source: ImageStore = {
      ...from,
      async *read(descriptor, options) {
        for await (const chunk of from.read(descriptor, options)) {
          if (descriptor.digest === target) chunk[0] = (chunk[0] ?? 0) ^ 1;
          yield chunk;
        }
      },
    };
    const to = memoryStore();
    await expect(copyImage(source, NAME, to)).rejects.toMatchObject({
      code: 'ERR_CONTENT_MISMATCH',
      expected: { digest: target },
    });
    expect(await to.resolve(NAME)).toBeUndefined();
    await copyImage(from, NAME, to);
    expect((await to.resolve(NAME))?.digest).toBe(multi.descriptor.digest);
  });

  it.each<[string, readonly [from: unknown, name: unknown, to: unknown, options?: object]]>([
    ['from', [undefined, NAME, memoryStore()]],
    ['name', [memoryStore(), 5, memoryStore()]],
    ['to', [memoryStore(), NAME, './layout']],
    ['select', [memoryStore(), NAME, memoryStore(), { select: 'linux/amd64' }]],
    ['createHasher', [memoryStore(), NAME, memoryStore(), { createHasher: 'sha256' }]],
    ['onEvent', [memoryStore(), NAME, memoryStore(), { onEvent: console }]],
  ])('refuses a %s of the wrong kind', async (what, [from, name, to, options]) => {
    const message = expect.stringMatching(`^Cannot copy: ${what} (?:must be|is missing, it must be) `) as string;
    const copied = copyImage(from as ImageStore, name as string, to as ImageStore, options);
    await expect(copied).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID', message });
  });

  it('refuses a name that no store takes before it reads anything', async () => {
    const { store, reads } = watchReads(await storeWith(multi));
    await expect(copyImage(store, NAME, memoryStore(), { as: '' })).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
    });
    expect(reads).toEqual([]);
  });

  it('ends with the reason of the signal, also while the source keeps it waiting', async () => {
    const from = await storeWith(multi);
    const stuck = images[0]?.manifest.layers[1]?.digest;
    const controller = new AbortController();
    const source: ImageStore = {
      ...from,
      async *read(descriptor, options) {
        if (descriptor.digest === stuck) {
          controller.abort('stop');
          await new Promise(() => undefined);
        }
        yield* from.read(descriptor, options);
      },
    };
    const to = memoryStore();
    await expect(copyImage(source, NAME, to, { signal: controller.signal })).rejects.toBe('stop');
    expect(await to.resolve(NAME)).toBeUndefined();
    await expect(copyImage(from, NAME, to, { signal: AbortSignal.abort('before') })).rejects.toBe('before');
  });

  it('goes on from what came before the failure', async () => {
    const from = await storeWith(multi);
    const to = memoryStore();
    let left = 4;
    const onEvent = (event: CopyEvent): void => {
      if (event.type === 'blob' && event.phase === 'verified') left -= 1;
      if (left === 0) throw new RangeError('enough');
    };
    await expect(copyImage(from, NAME, to, { onEvent })).rejects.toThrow('enough');
    const phases: string[] = [];
    await copyImage(from, NAME, to, { onEvent: (event) => event.type === 'blob' && phases.push(event.phase) });
    expect(phases.filter((phase) => phase === 'skipped')).toHaveLength(4);
  });
});

describe('copyContent', () => {
  it('copies by descriptor, and names nothing', async () => {
    const [image] = images;
    if (image === undefined) throw new Error('No image');
    const [from, to] = [await storeWith(image), memoryStore()];
    const { root, contents } = await copyContent(from, image.descriptor, to);
    expect(root).toBe(image.descriptor);
    expect(contents).toHaveLength(image.contents.length);
    expect(await checkClosure(to, root)).toHaveLength(contents.length);
    expect(await to.resolve(NAME)).toBeUndefined();
  });
});
