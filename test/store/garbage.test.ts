import { describe, expect, it } from 'vitest';
import { computeDigest, type Digest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { MEDIA_TYPES } from 'kubepull/oci';
import { createMemoryStore, listReachableContent, sweepGarbage, writeContent } from 'kubepull/store';
import { buildImage, createFakeClock } from 'kubepull/testing';

const ARTIFACT_MANIFEST = 'application/vnd.oci.artifact.manifest.v1+json';

const documentOf = (text: string) => {
  const bytes = new TextEncoder().encode(text);
  return { bytes, digest: computeDigest(bytes, nodeHasher), size: bytes.length };
};
type Content = ReturnType<typeof documentOf>;
const json = (document: object): Content => documentOf(JSON.stringify(document));
const named = ({ digest, size }: Content, mediaType: string) => ({ mediaType, digest, size });

/** A source of this content, of which some is corrupt; and what was read of it. */
function sourceOf(contents: readonly Content[], corrupt: readonly Content[] = []) {
  const reads: Digest[] = [];
  const bytesOf = new Map(contents.map(({ digest, bytes }) => [digest, bytes]));
  const source = {
    contents: new Map(contents.map(({ digest, size }) => [digest, size])),
    read: async (digest: Digest) => {
      reads.push(digest);
      return corrupt.some((one) => one.digest === digest) ? undefined : bytesOf.get(digest);
    },
  };
  return { source, reads };
}

async function reachedOf(contents: readonly Content[], root: Content, mediaType: string, corrupt?: readonly Content[]) {
  const { reached, unread } = await listReachableContent(sourceOf(contents, corrupt).source, [named(root, mediaType)]);
  return { reached: contents.filter(({ digest }) => reached.has(digest)), unread };
}

const layer = documentOf('layer');
const other = documentOf('other');
const { ociManifest, ociIndex } = MEDIA_TYPES;
const manifest = json({ layers: [named(layer, 'text/plain')] });

describe('listReachableContent', () => {
  it.each([
    ['an OCI manifest', ociManifest],
    ['an OCI index', ociIndex],
    ['a manifest of Docker', 'application/vnd.docker.distribution.manifest.v2+json'],
    ['a list of manifests of Docker', 'application/vnd.docker.distribution.manifest.list.v2+json'],
    ['an artifact of before OCI 1.1', ARTIFACT_MANIFEST],
    ['a type with a parameter, in capitals', `${ociManifest.toUpperCase()}; charset=utf-8`],
  ])('keeps what %s names, wherever it does', async (_, mediaType) => {
    for (const document of [
      { layers: [named(layer, 'text/plain')] },
      { 'com.example': { deep: [[{ blob: { digest: layer.digest } }]] } },
      { layers: [[], named(layer, 'text/plain')] },
    ]) {
      const root = json(document);
      expect(await reachedOf([root, layer, other], root, mediaType)).toEqual({ reached: [root, layer], unread: [] });
    }
  });

  it('keeps nothing for what only looks like a digest, nor for a digest under another key', async () => {
    const root = json({ a: { digest: 'layer' }, b: { digest: 5 }, c: { Digest: layer.digest }, d: [layer.digest] });
    expect((await reachedOf([root, layer], root, ociManifest)).reached).toEqual([root]);
  });

  it('does not read what has another type than a manifest', async () => {
    const { source, reads } = sourceOf([manifest, layer]);
    const { reached } = await listReachableContent(source, [named(manifest, 'text/plain')]);
    expect([...reached]).toEqual([manifest.digest]);
    // Only what was not reached may say that it is about something.
    expect(reads).toEqual([layer.digest]);
  });

  it('does without content that is not there', async () => {
    expect(await reachedOf([manifest], manifest, ociManifest)).toEqual({ reached: [manifest], unread: [] });
    expect(await reachedOf([layer], manifest, ociManifest)).toEqual({ reached: [], unread: [] });
  });

  it('follows manifests through indexes, and through a digest that is named twice', async () => {
    const inner = json({ manifests: [named(manifest, ociManifest), named(manifest, ociManifest)] });
    const outer = json({ manifests: [named(inner, ociIndex)] });
    const all = [outer, inner, manifest, layer];
    expect(await reachedOf([...all, other], outer, ociIndex)).toEqual({ reached: all, unread: [] });
  });

  it.each([ociManifest, ociIndex, ARTIFACT_MANIFEST])('keeps what is about kept content, as %s', async (mediaType) => {
    const about = json({ mediaType, subject: named(manifest, ociManifest), blobs: [named(other, 'text/plain')] });
    const aboutThat = json({ mediaType: ociManifest, subject: { digest: about.digest } });
    const all = [aboutThat, about, manifest, layer, other];
    expect((await reachedOf(all, manifest, ociManifest)).reached).toEqual(all);
    // By itself it is garbage like any other.
    expect((await reachedOf([about, aboutThat, layer], layer, 'text/plain')).reached).toEqual([layer]);
  });

  it('keeps nothing that says of itself that it is no manifest, or is about nothing that has a digest', async () => {
    const subject = named(manifest, ociManifest);
    const strangers = [
      json({ subject }),
      json({ mediaType: 'text/plain', subject }),
      json({ mediaType: 5, subject }),
      json({ mediaType: ociManifest, subject: manifest.digest }),
      json({ mediaType: ociManifest, subject: { digest: 'sha256:0' } }),
      json([{ mediaType: ociManifest, subject }]),
      documentOf(`"${manifest.digest}"`),
      documentOf(` {"mediaType":"${ociManifest}","subject":{"digest":"${manifest.digest}"}`),
    ];
    const { reached } = await reachedOf([manifest, layer, ...strangers], manifest, ociManifest);
    expect(reached).toEqual([manifest, layer]);
  });

  it.each([
    ['has a name', (lost: Content) => [lost, lost, ociManifest] as const],
    [
      'is listed by an index',
      (lost: Content) => [lost, json({ manifests: [named(lost, ociManifest)] }), ociIndex] as const,
    ],
    [
      'is listed by an index in an index',
      (lost: Content) => {
        const inner = json({ manifests: [named(lost, ociIndex)] });
        return [lost, json({ manifests: [named(inner, ociIndex)] }), ociIndex, inner] as const;
      },
    ],
  ])('fails, since all may be needed, when a manifest is corrupt that %s', async (_, make) => {
    const [lost, root, mediaType, ...more] = make(manifest);
    await expect(reachedOf([lost, root, layer, ...more], root, mediaType, [lost])).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'collect',
      message: `Cannot collect garbage: ${lost.digest}, which has a name or is part of what has, cannot be read, so what it needs is unknown`,
    });
  });

  it.each([
    ['a layer', json({ layers: [named(manifest, ociManifest)] }), ociManifest],
    ['a list in a manifest', json({ manifests: [named(manifest, ociManifest)] }), ociManifest],
    ['an artifact in an index', json({ manifests: [named(manifest, ARTIFACT_MANIFEST)] }), ociIndex],
    ['what an entry of an index is about', json({ manifests: [{ subject: named(manifest, ociManifest) }] }), ociIndex],
    ['no list of an index', json({ manifests: named(manifest, ociManifest) }), ociIndex],
    ['a signature', json({ mediaType: ociManifest, subject: named(other, 'text/plain') }), 'text/plain'],
  ])('keeps what is corrupt, and says that it could not be read, when it is named as %s', async (what, root, type) => {
    const lost = what === 'a signature' ? root : manifest;
    const about = json({
      mediaType: ociIndex,
      manifests: [named(lost, ociManifest)],
      subject: { digest: other.digest },
    });
    if (what === 'a signature') {
      expect(await reachedOf([about, other, lost], other, type, [lost])).toEqual({
        reached: [about, other, lost],
        unread: [lost.digest],
      });
    } else {
      expect(await reachedOf([root, lost, layer], root, type, [lost])).toEqual({
        reached: [root, lost],
        unread: [lost.digest],
      });
    }
  });

  it('takes a manifest that is no document, but is as it was written, for one that names nothing', async () => {
    for (const root of [documentOf('text'), documentOf('{"layers":'), documentOf('')])
      expect((await reachedOf([root, layer], root, ociManifest)).unread).toEqual([root.digest]);
  });
});

describe('sweepGarbage', () => {
  const digestOf = (text: string): Digest => documentOf(text).digest;
  const [kept, young, old, stays] = ['kept', 'young', 'old', 'stays'].map(digestOf) as [Digest, Digest, Digest, Digest];
  const sweepOf = (unread: readonly Digest[] = []) => {
    const removed: Digest[] = [];
    const sweep = {
      contents: new Map([
        [kept, 1],
        [young, 2],
        [old, 4],
        [stays, 8],
      ]),
      reached: new Set([kept]),
      unread,
      isYoung: async (digest: Digest) => digest === young,
      remove: async (digest: Digest) => (removed.push(digest), digest !== stays),
    };
    return { sweep, removed };
  };

  it('removes what is neither reached nor young, and counts what the store did not remove as spared', async () => {
    const { sweep, removed } = sweepOf();
    const report = await sweepGarbage(sweep, {});
    expect(report).toEqual({ removed: [{ digest: old, size: 4 }], removedBytes: 4, kept: 1, spared: 2 });
    expect(report).not.toHaveProperty('unread');
    expect(removed).toEqual([old, stays]);
  });

  it('only says in a dry run what it would try to remove', async () => {
    const { sweep, removed } = sweepOf([kept]);
    expect(await sweepGarbage(sweep, { dryRun: true })).toEqual({
      removed: [
        { digest: old, size: 4 },
        { digest: stays, size: 8 },
      ],
      removedBytes: 12,
      kept: 1,
      spared: 1,
      unread: [kept],
    });
    expect(removed).toEqual([]);
  });

  it('stops between two contents when the signal is aborted', async () => {
    const controller = new AbortController();
    const { sweep, removed } = sweepOf();
    const remove = (digest: Digest) => (controller.abort('stop'), sweep.remove(digest));
    await expect(sweepGarbage({ ...sweep, remove }, { signal: controller.signal })).rejects.toBe('stop');
    expect(removed).toEqual([old]);
  });
});

describe('collectGarbage of a memory store', () => {
  const image = buildImage({ layers: [{ files: { a: 'b' } }] });

  it('spares what was found by has, or written again, as if it had just come', async () => {
    const clock = createFakeClock();
    const store = createMemoryStore({ createHasher: nodeHasher, clock });
    const [first, second, third] = image.contents as [
      (typeof image.contents)[0],
      (typeof image.contents)[0],
      (typeof image.contents)[0],
    ];
    for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
    await clock.advance(100);
    await store.has(first.descriptor);
    await writeContent(store, second.descriptor, second.bytes);
    await clock.advance(99);
    expect(await store.collectGarbage({ graceMs: 100 })).toMatchObject({
      removed: [{ digest: third.descriptor.digest, size: third.descriptor.size }],
      spared: 2,
    });
    await clock.advance(1);
    expect(await store.collectGarbage({ graceMs: 100 })).toMatchObject({ removed: { length: 2 }, spared: 0 });
  });

  it('removes nothing without a clock unless the grace is nothing', async () => {
    const store = createMemoryStore({ createHasher: nodeHasher });
    for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
    expect((await store.collectGarbage({ graceMs: 1 })).spared).toBe(3);
    expect((await store.collectGarbage({ graceMs: 0 })).removed).toHaveLength(3);
  });
});
