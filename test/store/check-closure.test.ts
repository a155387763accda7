import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { type Descriptor, MEDIA_TYPES } from 'kubepull/oci';
import { checkClosure, createMemoryStore, type ImageStore, pickTarget, writeContent } from 'kubepull/store';
import { buildImage, buildIndex } from 'kubepull/testing';

const image = buildImage({ layers: [{ files: { a: 'b' } }, { files: { c: 'd' } }] });
const memoryStore = (): ImageStore => createMemoryStore({ createHasher: nodeHasher });

async function put(store: ImageStore, mediaType: string, document: object): Promise<Descriptor> {
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  const descriptor = { mediaType, digest: computeDigest(bytes, nodeHasher), size: bytes.length };
  await writeContent(store, descriptor, bytes);
  return descriptor;
}

async function filled(contents: (typeof image)['contents']): Promise<ImageStore> {
  const store = memoryStore();
  for (const { descriptor, bytes } of contents) await writeContent(store, descriptor, bytes);
  return store;
}

const index = (...manifests: readonly Descriptor[]): object => ({
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.ociIndex,
  manifests,
});

describe('checkClosure', () => {
  it('lists all content of an image once, the root first', async () => {
    const twice = buildIndex([image, image]);
    const contents = await checkClosure(await filled(twice.contents), twice.descriptor);
    expect(contents[0]?.digest).toBe(twice.descriptor.digest);
    expect(contents.map(({ digest }) => digest).toSorted()).toEqual([...twice.blobs.keys()].toSorted());
  });

  it('names what is missing', async () => {
    const [first] = image.contents;
    const store = await filled(image.contents.slice(1));
    await expect(checkClosure(store, image.descriptor)).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'tag',
      message: `Cannot name ${image.descriptor.digest}: the store lacks ${first?.descriptor.digest} (${first?.descriptor.mediaType}, ${first?.descriptor.size} bytes)`,
    });
  });

  it('takes entries that are no manifests as they are, if they are there', async () => {
    const store = memoryStore();
    const note = await put(store, 'application/vnd.example.note+json', {});
    const root = await put(store, MEDIA_TYPES.ociIndex, index(note));
    expect(await checkClosure(store, root)).toHaveLength(2);
    const absent = { ...note, digest: image.descriptor.digest };
    await expect(checkClosure(store, await put(store, MEDIA_TYPES.ociIndex, index(absent)))).rejects.toThrow('lacks');
  });

  it('looks into a manifest that the index lists, though another one has it as a layer', async () => {
    const store = await filled(image.contents.slice(2));
    const wrapper = await put(store, MEDIA_TYPES.ociManifest, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: image.manifest.config,
      layers: [pickTarget(image.descriptor)],
    });
    expect(await checkClosure(store, wrapper)).toHaveLength(3);
    for (const listed of [
      [image.descriptor, wrapper],
      [wrapper, image.descriptor],
    ]) {
      const root = await put(store, MEDIA_TYPES.ociIndex, index(...listed));
      await expect(checkClosure(store, root)).rejects.toThrow('lacks');
    }
  });

  it('goes down four levels of index, and no more', async () => {
    const store = await filled(image.contents);
    let root = image.descriptor;
    for (let level = 0; level < 4; level += 1) root = await put(store, MEDIA_TYPES.ociIndex, index(root));
    expect(await checkClosure(store, root)).toHaveLength(image.contents.length + 4);
    const deeper = await put(store, MEDIA_TYPES.ociIndex, index(root));
    const deepest = await put(store, MEDIA_TYPES.ociIndex, index(deeper));
    await expect(checkClosure(store, deepest)).rejects.toThrow('nested deeper than 4 levels');
  });

  it('gives up on an image that spreads without end', async () => {
    const store = memoryStore();
    const leaf = await put(store, 'a/b', {});
    const wide = (id: number): Promise<Descriptor> => {
      const entries = Array.from({ length: 1024 }, (_, place) => ({ ...leaf, mediaType: `a/b${id}-${place}` }));
      return put(store, MEDIA_TYPES.ociIndex, index(...entries));
    };
    const lists = await Promise.all(Array.from({ length: 32 }, (_, id) => wide(id)));
    const wideEnough = await put(store, MEDIA_TYPES.ociIndex, index(...lists.slice(1)));
    expect(await checkClosure(store, wideEnough)).toHaveLength(33);
    const tooWide = await put(store, MEDIA_TYPES.ociIndex, index(...lists));
    await expect(checkClosure(store, tooWide)).rejects.toThrow('it names more than 32768 contents');
  });

  it('names an image of as many layers as a pull may be told to bring', async () => {
    const layers = Array.from({ length: 16_384 }, (_, at) => ({
      mediaType: 'a/b',
      digest: computeDigest(new TextEncoder().encode(`${at}`), nodeHasher),
      size: 1,
    }));
    const store = memoryStore();
    const [config] = layers;
    const mediaType = MEDIA_TYPES.ociManifest;
    const root = await put(store, mediaType, { schemaVersion: 2, mediaType, config, layers });
    const all = { has: async () => true, read: store.read };
    expect(await checkClosure(all, root)).toHaveLength(16_385);
  });

  it('ends with the reason of an aborted signal', async () => {
    const store = await filled(image.contents);
    await expect(checkClosure(store, image.descriptor, { signal: AbortSignal.abort('why') })).rejects.toBe('why');
  });
});
