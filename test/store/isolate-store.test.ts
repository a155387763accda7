import { describe, expect, it } from 'vitest';
import { nodeHasher, openOciLayout } from 'kubepull/node';
import {
  type ContentWriter,
  createMemoryStore,
  type ImageStore,
  isolateStore,
  readContent,
  writeContent,
} from 'kubepull/store';
import { buildImage, testStore } from 'kubepull/testing';
import { tempDir } from '../support/temp-dir.ts';

const image = buildImage({ layers: [{ randomBytes: 300_000, seed: 'private' }] });
const [layer] = image.contents;
if (layer === undefined) throw new Error('No layer');
const { descriptor, bytes } = layer;

const sharings: readonly (readonly [string, () => Promise<readonly [ImageStore, ImageStore]>])[] = [
  [
    'two views of a memory store',
    async () => {
      const shared = createMemoryStore({ createHasher: nodeHasher });
      return [isolateStore(shared), isolateStore(shared)];
    },
  ],
  [
    'two isolated stores of one layout',
    async () => {
      const { path } = tempDir();
      return [await openOciLayout(path, { isolated: true }), await openOciLayout(path, { isolated: true })];
    },
  ],
];

describe.each(sharings)('%s [S16]', (_, share) => {
  it('do not see the content of each other, and cannot read it', async () => {
    const [owner, other] = await share();
    await writeContent(owner, descriptor, bytes);
    expect(await owner.has(descriptor)).toBe(true);
    expect(await other.has(descriptor)).toBe(false);
    await expect(readContent(other, descriptor, { maxBytes: 1e6 })).rejects.toMatchObject({ code: 'ERR_STORE' });
  });

  it('make each other write the whole content, to the last byte', async () => {
    const [owner, other] = await share();
    await writeContent(owner, descriptor, bytes);
    const writer = await other.ingest(descriptor);
    expect(writer.offset).toBe(0);
    await writer.write(bytes.subarray(0, -1));
    await expect(writer.commit()).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
    await writer.abort();
    expect(await other.has(descriptor)).toBe(false);
    await writeContent(other, descriptor, bytes);
    expect(await other.has(descriptor)).toBe(true);
    expect(Buffer.compare(await readContent(other, descriptor, { maxBytes: 1e6 }), bytes)).toBe(0);
  });

  it('do not go on from the part that another has fetched', async () => {
    const [owner, other] = await share();
    const writer = await owner.ingest(descriptor);
    await writer.write(bytes.subarray(0, 280_000));
    await writer.abort();
    const next = await other.ingest(descriptor);
    expect(next.offset).toBe(0);
    await next.abort();
  });

  it('do not name the content of each other, nor resolve a name to it', async () => {
    const [owner, other] = await share();
    for (const content of image.contents) await writeContent(owner, content.descriptor, content.bytes);
    await owner.tag('app:1', image.descriptor);
    expect(await owner.resolve('app:1')).toEqual(image.descriptor);
    expect(await other.resolve('app:1')).toBeUndefined();
    // The manifest alone, which a registry gave out, proves nothing of the layers.
    await writeContent(other, image.descriptor, image.contents.at(-1)!.bytes);
    await expect(other.tag('mine', image.descriptor)).rejects.toMatchObject({ code: 'ERR_STORE' });
    expect(await owner.resolve('mine')).toBeUndefined();
  });
});

describe('a writer of a view', () => {
  /** A store that kept a part of everything, or nothing; how it was begun anew, and how often. */
  function sharedStore(kept: number, fill: ContentWriter['fill'] = undefined) {
    const store = createMemoryStore({ createHasher: nodeHasher });
    const counts = { restarts: 0 };
    const shared: ImageStore = {
      ...store,
      async ingest(wanted, options) {
        const writer = await store.ingest(wanted, options);
        await writer.write(bytes.subarray(0, kept));
        return {
          get offset() {
            return writer.offset;
          },
          write: (chunk) => writer.write(chunk),
          restart: async () => ((counts.restarts += 1), writer.restart()),
          commit: async () => writer.commit(),
          abort: async () => writer.abort(),
          ...(fill === undefined ? {} : { fill }),
        };
      },
    };
    return { shared, counts };
  }

  it.each([
    [0, 0],
    [1, 1],
  ])('begins anew what others have kept, and nothing else: %d bytes', async (kept, restarts) => {
    const { shared, counts } = sharedStore(kept);
    const view = isolateStore(shared);
    const writer = await view.ingest(descriptor);
    expect([writer.offset, counts.restarts]).toEqual([0, restarts]);
    await writer.write(bytes);
    expect(writer.offset).toBe(bytes.length);
    expect(await view.has(descriptor)).toBe(false);
    await writer.commit();
    expect(await view.has(descriptor)).toBe(true);
  });

  it('takes a whole source at once if that of the shared store does', async () => {
    const filled: unknown[] = [];
    const fill: ContentWriter['fill'] = async (source) => void filled.push(source);
    expect(await isolateStore(sharedStore(0).shared).ingest(descriptor)).not.toHaveProperty('fill');
    const writer = await isolateStore(sharedStore(0, fill).shared).ingest(descriptor);
    await writer.fill?.('source' as never);
    expect(filled).toEqual(['source']);
  });
});

describe('stores that are not isolated [S16]', () => {
  it('share what is in them, as documented', async () => {
    const { path } = tempDir();
    await writeContent(await openOciLayout(path), descriptor, bytes);
    expect(await (await openOciLayout(path)).has(descriptor)).toBe(true);
  });
});

describe('isolateStore, as every store', () => {
  const create = async (): Promise<{ store: ImageStore }> => ({
    store: isolateStore(createMemoryStore({ createHasher: nodeHasher })),
  });

  it.each(testStore(create).map(({ name, run }) => [name, run] as const))('%s', async (_, run) => run());
});
