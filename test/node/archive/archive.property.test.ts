import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ArchiveSource, streamDockerArchive, streamOciArchive } from 'kubepull/node';
import { buildImage, buildIndex, type BuiltImage, type BuiltIndex } from 'kubepull/testing';
import { layoutFaults } from '../../support/layout-check.ts';
import { runsOf } from '../../support/property-runs.ts';
import { readTar } from '../../testing/build/read-tar.ts';
import { collect, filesIn, jsonIn, layoutIn, storeWith } from './support.ts';

const layer = fc.record({
  files: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.string({ maxLength: 20 }), { maxKeys: 2 }),
  compression: fc.constantFrom('gzip' as const, 'none' as const),
});
const image: fc.Arbitrary<BuiltImage> = fc
  .record({
    platform: fc.constantFrom('amd64', 'arm64', 's390x').map((architecture) => ({ os: 'linux', architecture })),
    layers: fc.array(layer, { maxLength: 4 }),
    mediaTypes: fc.constantFrom('oci' as const, 'docker' as const),
  })
  .map((options) => buildImage(options));
const index: fc.Arbitrary<BuiltIndex> = fc
  .array(image, { minLength: 1, maxLength: 3 })
  .chain((images) => fc.boolean().map((nested) => buildIndex(nested ? [buildIndex(images), ...images] : images)));

const named = <T extends BuiltImage | BuiltIndex>(one: fc.Arbitrary<T>): fc.Arbitrary<Readonly<Record<string, T>>> => {
  const name = fc.oneof(
    fc.constantFrom('registry.example.com/a:1', 'registry.example.com/a:2', 'docker.io/library/b:1'),
    fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text)),
  );
  return fc
    .array(fc.tuple(name, one), { minLength: 1, maxLength: 4 })
    .map((pairs) => Object.fromEntries(pairs.filter(([name]) => name !== '__proto__')) as Record<string, T>)
    .filter((images) => Object.keys(images).length > 0);
};

/** The same content in pieces of another size. */
const inPieces = (store: ArchiveSource, size: number): ArchiveSource => ({
  ...store,
  async *read(descriptor, options) {
    for await (const chunk of store.read(descriptor, options)) {
      for (let at = 0; at < chunk.length; at += size) yield chunk.subarray(at, at + size);
    }
  },
});

describe('streamOciArchive', () => {
  it('gives a layout of exactly the images asked for, in the same bytes however the store cuts them', async () => {
    const property = fc.asyncProperty(
      named(fc.oneof(image, index)),
      fc.integer({ min: 16, max: 5000 }),
      async (images, size) => {
        const store = await storeWith(images);
        const names = Object.keys(images);
        const tar = await collect(streamOciArchive(store, names));
        expect(layoutFaults(layoutIn(tar))).toEqual([]);
        const blobs = new Set(Object.values(images).flatMap(({ blobs }) => [...blobs.keys()]));
        expect(filesIn(tar).size).toBe(2 + blobs.size);
        const { manifests } = jsonIn(tar, 'index.json') as { manifests: { digest: string; annotations: object }[] };
        expect(manifests.map(({ digest }) => digest)).toEqual(names.map((name) => images[name]?.descriptor.digest));
        const names2 = manifests.map(({ annotations }) => Object.values(annotations)[0] as string);
        expect(names2).toEqual(names);
        expect((await collect(streamOciArchive(inPieces(store, size), names))).equals(tar)).toBe(true);
      },
    );
    await fc.assert(property, runsOf('files'));
  });
});

describe('streamDockerArchive', () => {
  it('gives files that the manifest names, each once, in the same bytes however the store cuts them', async () => {
    const options = fc.record({ layers: fc.constantFrom('stored' as const, 'unpacked' as const) });
    const property = fc.asyncProperty(
      named(image),
      options,
      fc.integer({ min: 16, max: 5000 }),
      async (images, options, size) => {
        const store = await storeWith(images);
        const names = Object.keys(images);
        const tar = await collect(streamDockerArchive(store, names, options));
        const entries = jsonIn(tar, 'manifest.json') as { Config: string; Layers: string[]; RepoTags: string[] }[];
        const files = readTar(tar).map(({ path }) => path);
        expect(new Set(files).size).toBe(files.length);
        expect(new Set(files)).toEqual(
          new Set(['manifest.json', ...entries.flatMap(({ Config, Layers }) => [Config, ...Layers])]),
        );
        const digests = new Set(Object.values(images).map(({ descriptor }) => descriptor.digest));
        expect(entries).toHaveLength(digests.size);
        const full = names.filter((name) => /^(?:registry\.example\.com|docker\.io\/library)\/[ab]:[12]$/.test(name));
        expect(entries.flatMap(({ RepoTags }) => RepoTags).toSorted()).toEqual(full.toSorted());
        expect((await collect(streamDockerArchive(inPieces(store, size), names, options))).equals(tar)).toBe(true);
      },
    );
    await fc.assert(property, runsOf('files'));
  });
});
