import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher, openOciLayout } from 'kubepull/node';
import { type Descriptor, MEDIA_TYPES } from 'kubepull/oci';
import { createMemoryStore, type ManagedStore, listReachableContent, writeContent } from 'kubepull/store';
import { tempDir } from '../support/temp-dir.ts';

interface Content {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

function contentOf(text: string, mediaType: string): Content {
  const bytes = new TextEncoder().encode(text);
  return { descriptor: { mediaType, digest: computeDigest(bytes, nodeHasher), size: bytes.length }, bytes };
}

const empty = contentOf('{}', MEDIA_TYPES.ociEmpty);
const garbage = contentOf('nothing names this', 'text/plain');

/** An image whose manifest has these members besides its own. */
function imageWith(members: object, layers: readonly Content[] = []): readonly [Content, ...Content[]] {
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    artifactType: 'application/vnd.example',
    config: empty.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    ...members,
  });
  return [contentOf(text, MEDIA_TYPES.ociManifest), ...layers, empty];
}

const fakes = {
  text: contentOf('this is no manifest', MEDIA_TYPES.ociManifest),
  zeros: contentOf(`{"manifests":[${'0,'.repeat(2_000_000)}0]}`, MEDIA_TYPES.ociIndex),
  deep: contentOf(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, MEDIA_TYPES.ociManifest),
  wide: contentOf(`{"a":[${'0,'.repeat(125_000)}0]}`, MEDIA_TYPES.ociManifest),
  huge: contentOf(`{"a":"${'x'.repeat(5_000_000)}"}`, MEDIA_TYPES.ociManifest),
};

const images: Readonly<Record<string, readonly [Content, ...Content[]]>> = {
  'a layer that poses as a manifest': imageWith({}, [fakes.text]),
  'a layer that poses as an index of four million bytes of zeros': imageWith({}, [fakes.zeros]),
  'a layer that poses as a manifest of a hundred thousand levels': imageWith({}, [fakes.deep]),
  'a layer that poses as a manifest with more numbers than a call takes arguments': imageWith({}, [fakes.wide]),
  'a layer that poses as a manifest larger than any': imageWith({}, [fakes.huge]),
  'a layer that poses as an index, and lists what is no manifest': [
    ...imageWith({}, [
      contentOf(JSON.stringify({ schemaVersion: 2, manifests: [fakes.text.descriptor] }), MEDIA_TYPES.ociIndex),
    ]),
    fakes.text,
  ] as [Content, ...Content[]],
  'an index that lists a text as an artifact': [
    contentOf(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.ociIndex,
        manifests: [{ ...fakes.text.descriptor, mediaType: 'application/vnd.oci.artifact.manifest.v1+json' }],
      }),
      MEDIA_TYPES.ociIndex,
    ),
    fakes.text,
  ],
  'a foreign member that looks like a list of manifests': [
    ...imageWith({ 'com.example.related': [fakes.text.descriptor] }),
    fakes.text,
  ] as [Content, ...Content[]],
  'a config that poses as an index': [
    contentOf(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.ociManifest,
        config: { ...fakes.text.descriptor, mediaType: MEDIA_TYPES.ociIndex },
        layers: [],
      }),
      MEDIA_TYPES.ociManifest,
    ),
    fakes.text,
  ],
};

const stores: Readonly<Record<string, () => Promise<ManagedStore>>> = {
  openOciLayout: () => openOciLayout(join(tempDir().path, 'layout')),
  createMemoryStore: async () => createMemoryStore({ createHasher: nodeHasher }),
};

describe.each(Object.keys(stores))('%s with an image that was accepted', (kind) => {
  it.each(Object.keys(images))('collects garbage in spite of %s', async (name) => {
    const store = await stores[kind]!();
    const [manifest, ...others] = images[name]!;
    for (const { descriptor, bytes } of [manifest, ...others, garbage]) await writeContent(store, descriptor, bytes);
    await store.tag('app:hostile', manifest.descriptor);
    const report = await store.collectGarbage({ graceMs: 0 });
    expect(report.removed.map(({ digest }) => digest)).toEqual([garbage.descriptor.digest]);
    // What could be read is not named; the rest is, once.
    const unread = Object.values(fakes).filter((fake) => others.includes(fake) && fake !== fakes.wide);
    expect(report.unread ?? []).toEqual(unread.map(({ descriptor }) => descriptor.digest));
    for (const { descriptor } of others) expect(await store.has(descriptor)).toBe(true);
    expect(await store.untag('app:hostile')).toBe(true);
    expect((await store.collectGarbage({ graceMs: 0 })).kept).toBe(0);
  });

  it.each([63, 64, 65, 300_000])('keeps what a manifest names that begins with %i spaces', async (spaces) => {
    const store = await stores[kind]!();
    const layer = contentOf('layer', 'text/plain');
    const [manifest] = imageWith({}, [layer]);
    const padded = contentOf(`${' '.repeat(spaces)}${Buffer.from(manifest.bytes).toString()}`, MEDIA_TYPES.ociManifest);
    for (const { descriptor, bytes } of [layer, empty, padded]) await writeContent(store, descriptor, bytes);
    await store.tag('app:1', padded.descriptor);
    expect(await store.collectGarbage({ graceMs: 0 })).toEqual({ removed: [], removedBytes: 0, kept: 3, spared: 0 });
    for (const { descriptor } of [layer, empty, padded]) expect(await store.has(descriptor)).toBe(true);
  });
});

describe('reachableContent', () => {
  it('reads content that is named as a layer here, and as a manifest there, in both ways', async () => {
    const [inner, layer] = imageWith({}, [contentOf('layer', 'text/plain')]);
    const outer = imageWith({}, [{ ...inner, descriptor: { ...inner.descriptor, mediaType: 'text/plain' } }])[0];
    const all = [inner, layer!, outer, empty];
    const bytesOf = new Map(all.map(({ descriptor, bytes }) => [descriptor.digest, bytes]));
    const contents = new Map(all.map(({ descriptor }) => [descriptor.digest, descriptor.size]));
    const source = { contents, read: async (digest: Descriptor['digest']) => bytesOf.get(digest) };
    for (const roots of [
      [outer.descriptor, inner.descriptor],
      [inner.descriptor, outer.descriptor],
    ]) {
      expect((await listReachableContent(source, roots)).reached.has(layer!.descriptor.digest)).toBe(true);
    }
  });

  it('asks for each content no more often than its kinds, however many say that they are about it', async () => {
    const subject = contentOf('subject', 'text/plain');
    const about = Array.from({ length: 3000 }, (_, at) =>
      contentOf(
        JSON.stringify({ mediaType: MEDIA_TYPES.ociManifest, n: at, subject: subject.descriptor }),
        MEDIA_TYPES.ociManifest,
      ),
    );
    const bytesOf = new Map(about.map(({ descriptor, bytes }) => [descriptor.digest, bytes]));
    const contents = new Map([subject, ...about].map(({ descriptor }) => [descriptor.digest, descriptor.size]));
    let reads = 0;
    const read = async (digest: Descriptor['digest']) => ((reads += 1), bytesOf.get(digest));
    const { reached } = await listReachableContent({ contents, read }, [subject.descriptor]);
    expect(reached.size).toBe(3001);
    expect(reads).toBeLessThanOrEqual(6000);
  });
});
