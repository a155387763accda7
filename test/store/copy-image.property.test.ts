import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeHasher } from 'kubepull/node';
import { type Descriptor, isIndexMediaType, parseImageIndex } from 'kubepull/oci';
import {
  checkClosure,
  copyContent,
  type CopyEvent,
  createMemoryStore,
  type ImageStore,
  readContent,
  writeContent,
} from 'kubepull/store';
import { buildImage, buildIndex, type BuiltImage, type BuiltIndex } from 'kubepull/testing';
import { runsOf } from '../support/property-runs.ts';

const images = Array.from({ length: 5 }, (_, place) =>
  buildImage({ layers: [{ files: { shared: '' } }, { files: { own: String(place % 3) } }], config: { place } }),
);
const image = fc.constantFrom(...images);
const { graph } = fc.letrec<{ graph: BuiltIndex; entry: BuiltImage | BuiltIndex }>((tie) => ({
  entry: fc.oneof({ maxDepth: 3, depthSize: 'small' }, image, tie('graph')),
  graph: fc.array(tie('entry'), { minLength: 1, maxLength: 4 }).map((entries) => buildIndex(entries)),
}));

const memoryStore = (): ImageStore => createMemoryStore({ createHasher: nodeHasher });

async function storeOf({ contents }: BuiltIndex): Promise<ImageStore> {
  const store = memoryStore();
  for (const { descriptor, bytes } of contents) await writeContent(store, descriptor, bytes);
  return store;
}

/** The images below an index, in order, as the documents of a store have it. */
async function imagesBelow(store: ImageStore, root: Descriptor): Promise<readonly string[]> {
  if (!isIndexMediaType(root.mediaType)) return [root.digest];
  const { manifests } = parseImageIndex(await readContent(store, root, { maxBytes: 1e6 }));
  const below: string[] = [];
  for (const entry of manifests) below.push(...(await imagesBelow(store, entry)));
  return below;
}

describe('copyContent', () => {
  it('copies any graph as a whole, and nothing the second time', async () => {
    const property = fc.asyncProperty(graph, async (root) => {
      const [from, to] = [await storeOf(root), memoryStore()];
      const { contents } = await copyContent(from, root.descriptor, to);
      expect(new Set(contents.map(({ digest }) => digest))).toEqual(new Set(root.blobs.keys()));
      expect(await checkClosure(to, root.descriptor)).toHaveLength(contents.length);
      const phases = new Set<string>();
      const onEvent = (event: CopyEvent): void => void phases.add(event.type === 'blob' ? event.phase : event.type);
      await copyContent(from, root.descriptor, to, { onEvent });
      expect([...phases]).toEqual(['plan', 'skipped']);
    });
    await fc.assert(property, runsOf('images'));
  });

  it('narrows any graph to the images that are wanted, in order, with nothing else', async () => {
    const property = fc.asyncProperty(graph, fc.subarray([...images], { minLength: 1 }), async (root, wanted) => {
      const digests = new Set<string>(wanted.map(({ descriptor }) => descriptor.digest));
      const from = await storeOf(root);
      const kept = (await imagesBelow(from, root.descriptor)).filter((digest) => digests.has(digest));
      const has = async (entry: Descriptor): Promise<boolean> =>
        (await imagesBelow(from, entry)).some((digest) => digests.has(digest));
      const keeps = new Map<string, boolean>();
      for (const { descriptor } of root.contents) {
        if (/index|manifest/.test(descriptor.mediaType)) keeps.set(descriptor.digest, await has(descriptor));
      }
      fc.pre(kept.length > 0);
      const to = memoryStore();
      const copied = await copyContent(from, root.descriptor, to, {
        createHasher: nodeHasher,
        select: ({ manifests }) => manifests.filter(({ digest }) => keeps.get(digest)),
      });
      expect(await imagesBelow(to, copied.root)).toEqual(kept);
      expect(await checkClosure(to, copied.root)).toHaveLength(copied.contents.length);
      for (const { descriptor } of images) expect(await to.has(descriptor)).toBe(kept.includes(descriptor.digest));
      expect(copied.root.digest === root.descriptor.digest).toBe(
        (await imagesBelow(from, root.descriptor)).length === kept.length,
      );
    });
    await fc.assert(property, runsOf('images'));
  });
});
