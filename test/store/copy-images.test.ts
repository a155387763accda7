import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { type Descriptor, MEDIA_TYPES } from 'kubepull/oci';
import {
  type BroughtContent,
  copyContent,
  type CopyEvent,
  copyImage,
  copyImages,
  type CopySource,
  type CopyTarget,
  createMemoryStore,
  DEFAULT_MAX_PARALLEL_COPIES,
  type ImageStore,
  readContent,
  writeContent,
} from 'kubepull/store';
import { buildArtifact, type BuiltContent, buildImage, buildIndex } from 'kubepull/testing';

const ARTIFACT = 'application/vnd.example.signature';
const images = ['a', 'b'].map((own) => buildImage({ layers: [{ files: { shared: '' } }, { files: { own } }] }));
const [first, second] = images as [(typeof images)[0], (typeof images)[0]];
const index = buildIndex(images);
const artifactOf = (subject: Descriptor, text: string) =>
  buildArtifact({ artifactType: ARTIFACT, subject, layers: [[ARTIFACT, text]] });
const signature = artifactOf(index.descriptor, 'of the index');
const ofSignature = artifactOf(signature.descriptor, 'of the signature');
const ofImage = artifactOf(second.descriptor, 'of an image');

const memoryStore = (): ImageStore => createMemoryStore({ createHasher: nodeHasher });

async function storeOf(...contents: readonly BuiltContent[]): Promise<ImageStore> {
  const store = memoryStore();
  for (const { descriptor, bytes } of contents) await writeContent(store, descriptor, bytes);
  return store;
}

/** A store that knows what refers to its content, and the digests for which it was asked. */
async function sourceOf(referrers: ReadonlyMap<string, readonly Descriptor[]>, contents: readonly BuiltContent[]) {
  const store = await storeOf(...contents);
  const asked: string[] = [];
  const source: CopySource = {
    ...store,
    async *referrers({ digest }) {
      asked.push(digest);
      yield* referrers.get(digest) ?? [];
    },
  };
  return { source, asked };
}

const digestsOf = (contents: readonly Descriptor[]): readonly string[] => contents.map(({ digest }) => digest);

describe('copyContent, with what refers to it', () => {
  const referrers = new Map([
    [index.descriptor.digest, [signature.descriptor]],
    [signature.descriptor.digest, [ofSignature.descriptor]],
    [second.descriptor.digest, [ofImage.descriptor, ofImage.descriptor]],
    // Somebody may well say that two manifests are about each other.
    [ofSignature.descriptor.digest, [index.descriptor]],
  ]);
  const all = [index, signature, ofSignature, ofImage].flatMap(({ contents }) => contents);

  it('copies that too, and what refers to that, each once and behind what it is about', async () => {
    const { source, asked } = await sourceOf(referrers, all);
    const to = memoryStore();
    const { root, contents } = await copyContent(source, index.descriptor, to, { referrers: true });
    expect(root).toBe(index.descriptor);
    const digests = digestsOf(contents);
    expect(digests.toSorted()).toEqual([...new Set(all.map(({ descriptor }) => descriptor.digest))].toSorted());
    const at = ({ descriptor }: { readonly descriptor: Descriptor }): number => digests.indexOf(descriptor.digest);
    expect(at(signature)).toBeGreaterThan(at(index));
    expect(at(ofSignature)).toBeGreaterThan(at(signature));
    expect(at(ofImage)).toBeGreaterThan(at(second));
    for (const { manifest, ...artifact } of [signature, ofSignature, ofImage])
      for (const { digest } of manifest.layers) expect(digests.indexOf(digest)).toBeLessThan(at(artifact));
    for (const { descriptor } of all) expect(await to.has(descriptor)).toBe(true);
    // Nothing refers to a config or a layer.
    const manifests = [index, ...images, signature, ofSignature, ofImage].map(({ descriptor }) => descriptor.digest);
    expect(asked.toSorted()).toEqual(manifests.toSorted());
  });

  it.each([undefined, false])('leaves it out, and does not ask for it, with referrers: %s', async (wanted) => {
    const { source, asked } = await sourceOf(referrers, all);
    const { contents } = await copyContent(source, index.descriptor, memoryStore(), { referrers: wanted });
    expect(digestsOf(contents).toSorted()).toEqual([...index.blobs.keys()].toSorted());
    expect(asked).toEqual([]);
  });

  it('refuses when the source does not know what refers to it, and copies nothing', async () => {
    const to = memoryStore();
    const copying = copyContent(await storeOf(...first.contents), first.descriptor, to, { referrers: true });
    await expect(copying).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'copy',
      message: `Cannot copy ${first.descriptor.digest}: the source does not know what refers to it`,
    });
    for (const { descriptor } of first.contents) expect(await to.has(descriptor)).toBe(false);
  });

  it('names what refers to it and is not whole', async () => {
    const [layer] = signature.manifest.layers as [Descriptor];
    const { source } = await sourceOf(
      referrers,
      all.filter(({ descriptor }) => descriptor.digest !== layer.digest),
    );
    await expect(copyContent(source, index.descriptor, memoryStore(), { referrers: true })).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'copy',
      message: `Cannot copy ${signature.descriptor.digest}: the store lacks ${layer.digest} (${ARTIFACT}, ${layer.size} bytes)`,
    });
  });

  it('ends with the error of the source that cannot tell, or has no document where there should be one', async () => {
    const { source } = await sourceOf(referrers, all);
    const failure = new Error('gone');
    const failing: CopySource = {
      ...source,
      has: async (descriptor, call) => {
        if (descriptor.digest === signature.descriptor.digest) throw failure;
        return source.has(descriptor, call);
      },
    };
    const copy = (from: CopySource) => copyContent(from, index.descriptor, memoryStore(), { referrers: true });
    await expect(copy(failing)).rejects.toBe(failure);
    const text = await sourceOf(new Map([[index.descriptor.digest, [{ ...signature.descriptor, size: 2 }]]]), all);
    await expect(copy(text.source)).rejects.toMatchObject({ code: 'ERR_STORE', operation: 'copy' });
  });

  /** The digests and sizes of so many contents that nobody looks into, in an index. */
  const wideIndex = (count: number, seed: string): BuiltContent => {
    const manifests = Array.from({ length: count }, (_, at) => ({
      mediaType: 'a/b',
      digest: `sha256:${`${seed}${at.toString(16)}`.padStart(64, '0')}`,
      size: 1,
    }));
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }));
    const digest = computeDigest(bytes, nodeHasher);
    return { descriptor: { mediaType: MEDIA_TYPES.ociIndex, digest, size: bytes.length }, bytes };
  };

  it('gives up when too much refers to it', async () => {
    const largest = wideIndex(16_384, 'a');
    const rest = 32_768 - first.contents.length - 16_385 - 1;
    const copy = async (last: BuiltContent) => {
      const { source } = await sourceOf(new Map([[first.descriptor.digest, [largest.descriptor, last.descriptor]]]), [
        ...first.contents,
        largest,
        last,
      ]);
      const to: CopyTarget = { tag: async () => undefined, bring: async () => 'present' };
      return copyContent({ ...source, has: async () => true }, first.descriptor, to, { referrers: true });
    };
    expect((await copy(wideIndex(rest, 'b'))).contents).toHaveLength(32_768);
    await expect(copy(wideIndex(rest + 1, 'b'))).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'copy',
      message: `Cannot copy ${first.descriptor.digest}: with what refers to it, it has more than 32768 contents`,
    });
  });

  it('ends with the reason of the signal while it asks what refers to it', async () => {
    const controller = new AbortController();
    const { source } = await sourceOf(referrers, all);
    const stops: CopySource = {
      ...source,
      async *referrers(_, { signal } = {}) {
        controller.abort('stop');
        signal?.throwIfAborted();
        yield signature.descriptor;
      },
    };
    const { signal } = controller;
    await expect(copyContent(stops, index.descriptor, memoryStore(), { referrers: true, signal })).rejects.toBe('stop');
  });
});

describe('copyImage to what brings content by itself', () => {
  const phasesWith = async (bring: CopyTarget['bring']) => {
    const events: CopyEvent[] = [];
    const from = await storeOf(...first.contents);
    await from.tag('app:1', first.descriptor);
    const tagged: (readonly [string, Descriptor])[] = [];
    const to: CopyTarget = { bring, tag: async (...call) => void tagged.push([call[0], call[1]]) };
    const { contents } = await copyImage(from, 'app:1', to, { onEvent: (event) => void events.push(event) });
    expect(tagged).toEqual([['app:1', first.descriptor]]);
    return { contents, events: events.filter(({ type }) => type === 'blob') };
  };

  it.each<BroughtContent>(['present', 'mounted'])('tells of content that is %s that it is skipped', async (how) => {
    const { contents, events } = await phasesWith(async () => how);
    expect(events).toEqual(
      contents.map((descriptor) => ({ type: 'blob', descriptor, phase: 'skipped', bytes: descriptor.size })),
    );
  });

  it('tells of the start once, however often the target opens the content, and of its progress each time', async () => {
    const read = new Map<string, string>();
    const { contents, events } = await phasesWith(async ({ digest }, open) => {
      for await (const chunk of open()) if (chunk.length > 0) break;
      const text: Uint8Array[] = [];
      for await (const chunk of open()) text.push(chunk);
      read.set(digest, Buffer.concat(text).toString('latin1'));
      return 'uploaded';
    });
    for (const { descriptor, bytes } of first.contents)
      expect(read.get(descriptor.digest)).toBe(Buffer.from(bytes).toString('latin1'));
    expect(events).toEqual(
      contents.flatMap((descriptor) => [
        { type: 'blob', descriptor, phase: 'started', bytes: 0 },
        { type: 'blob', descriptor, phase: 'progress', bytes: descriptor.size },
        { type: 'blob', descriptor, phase: 'verified', bytes: descriptor.size },
      ]),
    );
  });

  it('counts the progress of content that comes in several chunks', async () => {
    const layer = buildImage({ layers: [{ randomBytes: 200_000, seed: 'large' }] });
    const events: CopyEvent[] = [];
    const onEvent = (event: CopyEvent): void => void events.push(event);
    await copyContent(await storeOf(...layer.contents), layer.descriptor, memoryStore(), { onEvent });
    const [blob] = layer.manifest.layers as [Descriptor];
    const steps = events.flatMap((event) =>
      event.type === 'blob' && event.phase === 'progress' && event.descriptor.digest === blob.digest
        ? [event.bytes]
        : [],
    );
    expect(steps.length).toBeGreaterThan(2);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    expect(steps.at(-1)).toBe(blob.size);
  });
});

describe('copyImages', () => {
  const named = async (): Promise<ImageStore> => {
    const from = await storeOf(...index.contents);
    for (const [at, { descriptor }] of [...images, index].entries()) await from.tag(`app:${at}`, descriptor);
    return from;
  };

  it('copies nothing when there is nothing to copy', async () => {
    expect(await copyImages([])).toEqual([]);
  });

  it('takes jobs from any iterable, and gives what came of them in their order, each under its name', async () => {
    const [from, to] = [await named(), memoryStore()];
    const jobs = new Set([
      { from, name: 'app:2', to, as: 'mirror:2' },
      { from, name: 'app:0', to },
    ]);
    const events = new Map<object, CopyEvent[]>();
    const copied = await copyImages(jobs, {
      onEvent: (event, job) => void events.set(job, [...(events.get(job) ?? []), event]),
    });
    expect(copied.map(({ name, root }) => [name, root.digest])).toEqual([
      ['mirror:2', index.descriptor.digest],
      ['app:0', first.descriptor.digest],
    ]);
    expect((await to.resolve('mirror:2'))?.digest).toBe(index.descriptor.digest);
    expect(await to.resolve('app:2')).toBeUndefined();
    for (const [at, job] of [...jobs].entries())
      expect(events.get(job)?.[0]).toMatchObject({ type: 'plan', contents: copied[at]?.contents });
  });

  it('copies all of them with the same options', async () => {
    const [from, to] = [await named(), memoryStore()];
    const copied = await copyImages([{ from, name: 'app:2', to }], {
      createHasher: nodeHasher,
      select: ({ manifests: [only] }) => only ?? first.descriptor,
    });
    expect(copied[0]?.root.digest).toBe(first.descriptor.digest);
    const again = copyImages([{ from, name: 'app:2', to }], { referrers: true });
    await expect(again).rejects.toThrow('the source does not know what refers to it');
  });

  it.each([
    [undefined, DEFAULT_MAX_PARALLEL_COPIES],
    [1, 1],
    [2, 2],
  ])('copies no more at once than it may, with maxParallel: %s', async (maxParallel, most) => {
    const from = await named();
    let [running, peak] = [0, 0];
    const target = (): ImageStore => {
      const to = memoryStore();
      return { ...to, tag: async (...call) => (await to.tag(...call), void (running -= 1)) };
    };
    const source: CopySource = {
      ...from,
      resolve: async (...call) => ((running += 1), (peak = Math.max(peak, running)), from.resolve(...call)),
    };
    const jobs = Array.from({ length: 8 }, () => ({ from: source, name: 'app:0', to: target() }));
    await copyImages(jobs, { maxParallel });
    expect(peak).toBe(most);
  });

  it('gives the others up when one fails, and keeps what was copied by then', async () => {
    const [from, to] = [await named(), memoryStore()];
    let givenUp: unknown;
    const waits: CopySource = {
      ...from,
      resolve: (_, { signal } = {}) =>
        new Promise((__, reject) => {
          signal?.addEventListener('abort', () => reject((givenUp = signal.reason) as Error));
        }),
    };
    const jobs = [
      { from, name: 'app:0', to },
      { from: waits, name: 'app:1', to },
      { from, name: 'gone', to },
    ];
    const failure: unknown = await copyImages(jobs, { maxParallel: 2 }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'ERR_STORE', operation: 'resolve' });
    expect(givenUp).toBe(failure);
    expect(await readContent(to, first.descriptor, { maxBytes: 1e6 })).toHaveLength(first.descriptor.size);
    expect((await to.resolve('app:0'))?.digest).toBe(first.descriptor.digest);
  });

  it('ends with the reason of the signal', async () => {
    const [from, to] = [await named(), memoryStore()];
    const copying = copyImages([{ from, name: 'app:0', to }], { signal: AbortSignal.abort('stop') });
    await expect(copying).rejects.toBe('stop');
    expect(await to.resolve('app:0')).toBeUndefined();
  });
});
