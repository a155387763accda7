import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { type Descriptor, type ImageIndex, MEDIA_TYPES, parseImageIndex } from 'kubepull/oci';
import { copyContent, createMemoryStore, type ImageStore, readContent, writeContent } from 'kubepull/store';
import { buildImage, type BuiltContent } from 'kubepull/testing';

const image = buildImage({ layers: [{ files: { a: 'b' } }] });
const { mediaType, digest, size } = image.descriptor;
const createHasher = nodeHasher;
const memoryStore = (): ImageStore => createMemoryStore({ createHasher });

function indexOf(...manifests: readonly Descriptor[]): BuiltContent {
  const document = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  const found = computeDigest(bytes, createHasher);
  return { descriptor: { mediaType: MEDIA_TYPES.ociIndex, digest: found, size: bytes.length }, bytes };
}

async function storeOf(contents: readonly BuiltContent[]): Promise<ImageStore> {
  const store = memoryStore();
  for (const { descriptor, bytes } of contents) await writeContent(store, descriptor, bytes);
  return store;
}

describe('copyContent, with a choice from an index in an index', () => {
  it.each<[string, object]>([
    ['of the image that was chosen, where it names one', { os: 'linux', architecture: 'arm64' }],
    ['of the entry, where the image that was chosen names none', {}],
  ])('gives the entry the platform %s', async (_, named) => {
    const platform = 'os' in named ? { platform: named as Descriptor['platform'] } : {};
    const inner = indexOf({ mediaType, digest, size, ...platform }, { ...image.manifest.config });
    const listed = { os: 'linux', architecture: 'riscv64' };
    const outer = indexOf({ ...inner.descriptor, platform: listed, annotations: { 'com.example': 'kept' } });
    const to = memoryStore();
    const { root } = await copyContent(await storeOf([...image.contents, inner, outer]), outer.descriptor, to, {
      createHasher,
      select: ({ manifests }) => (manifests.length === 1 ? manifests : manifests.slice(0, 1)[0]!),
    });
    const { manifests } = parseImageIndex(await readContent(to, root, { maxBytes: 1e6 }));
    const expected = { platform: listed, ...platform, annotations: { 'com.example': 'kept' } };
    expect(manifests).toEqual([{ mediaType, digest, size, ...expected }]);
  });

  it('goes down four levels of index, and says that it goes no deeper', async () => {
    const select = ({ manifests: [first] }: ImageIndex): Descriptor => first!;
    const levels = [indexOf({ mediaType, digest, size })];
    for (let level = 1; level < 5; level += 1) levels.push(indexOf(levels.at(-1)!.descriptor));
    const from = await storeOf([...image.contents, ...levels]);
    const copy = (level: number) =>
      copyContent(from, levels[level]!.descriptor, memoryStore(), { select, createHasher });
    expect((await copy(3)).root.digest).toBe(digest);
    await expect(copy(4)).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'copy',
      message: `Cannot copy ${levels[4]!.descriptor.digest}: its indexes are nested deeper than 4 levels`,
    });
  });

  it('hands its signal to the source for all that it asks of it', async () => {
    const { signal } = new AbortController();
    const root = indexOf({ mediaType, digest, size });
    const store = await storeOf([...image.contents, root]);
    const seen: (AbortSignal | undefined)[] = [];
    const from: ImageStore = {
      ...store,
      has: async (descriptor, call) => (seen.push(call?.signal), store.has(descriptor, call)),
      read: (descriptor, call) => (seen.push(call?.signal), store.read(descriptor, call)),
    };
    await copyContent(from, root.descriptor, memoryStore(), {
      signal,
      createHasher,
      select: (index) => index.manifests,
    });
    expect(seen.length).toBeGreaterThan(8);
    expect(new Set(seen)).toEqual(new Set([signal]));
  });
});
