import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import type { Descriptor } from 'kubepull/oci';
import { createMemoryStore, readContent, writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';

const content = (size: number, fill = 1): { readonly descriptor: Descriptor; readonly bytes: Uint8Array } => {
  const bytes = new Uint8Array(size).fill(fill);
  return { bytes, descriptor: { mediaType: 'a/b', digest: computeDigest(bytes, nodeHasher), size } };
};

describe('createMemoryStore', () => {
  it('keeps its bytes when a caller changes what it gave or got [S15]', async () => {
    const { descriptor, bytes } = content(1000);
    const store = createMemoryStore({ createHasher: nodeHasher });
    const given = bytes.slice();
    await writeContent(store, descriptor, given);
    given.fill(9);
    (await readContent(store, descriptor, { maxBytes: 1000 })).fill(9);
    for await (const chunk of store.read(descriptor)) chunk.fill(9);
    expect(await readContent(store, descriptor, { maxBytes: 1000 })).toEqual(bytes);
  });

  it('keeps a name when a caller changes the descriptor that it gave or got [S15]', async () => {
    const image = buildImage({ layers: [{ files: { a: 'b' } }] });
    const store = createMemoryStore({ createHasher: nodeHasher });
    for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
    const given = structuredClone(image.descriptor);
    await store.tag('app:1', given);
    Object.assign(given, { size: 1 });
    Object.assign(given.platform ?? {}, { os: 'other' });
    Object.assign((await store.resolve('app:1'))?.platform ?? {}, { os: 'other' });
    expect(await store.resolve('app:1')).toEqual(image.descriptor);
  });

  it('fails when it is full, and takes again what was given back [S15]', async () => {
    const store = createMemoryStore({ createHasher: nodeHasher, maxBytes: 1000 });
    const [half, more] = [content(600, 1), content(401, 2)];
    const writer = await store.ingest(half.descriptor);
    await expect(store.ingest(more.descriptor)).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'ingest',
      message: `Cannot write content ${more.descriptor.digest}: it has 401 bytes, and the store has room for 400 more`,
    });
    await writer.abort();
    await writer.abort();
    await writeContent(store, more.descriptor, more.bytes);
    await expect(store.ingest(half.descriptor)).rejects.toMatchObject({ code: 'ERR_STORE' });
  });

  it('counts content once, also when it is written twice, and not at all when it is refused [S15]', async () => {
    const store = createMemoryStore({ createHasher: nodeHasher, maxBytes: 1000 });
    const { descriptor, bytes } = content(400);
    for (let round = 0; round < 5; round += 1) await writeContent(store, descriptor, bytes);
    for (let round = 0; round < 5; round += 1) {
      await expect(writeContent(store, { ...descriptor, size: 600 }, bytes)).rejects.toMatchObject({
        code: 'ERR_CONTENT_MISMATCH',
      });
    }
    const rest = content(600, 3);
    await writeContent(store, rest.descriptor, rest.bytes);
    expect([await store.has(descriptor), await store.has(rest.descriptor)]).toEqual([true, true]);
  });

  it('does not believe a size [S15]', async () => {
    const store = createMemoryStore({ createHasher: nodeHasher });
    await expect(store.ingest({ ...content(1).descriptor, size: 2 ** 50 })).rejects.toMatchObject({
      code: 'ERR_STORE',
    });
  });

  it.each([-1, 1.5, Number.NaN])('refuses a limit of %d bytes', (maxBytes) => {
    expect(() => createMemoryStore({ createHasher: nodeHasher, maxBytes })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
    );
  });
});
