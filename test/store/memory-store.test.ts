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

  it('hands content on in pieces of 64 KiB, and stops between them when the signal is aborted', async () => {
    const { descriptor, bytes } = content(150_000);
    const store = createMemoryStore({ createHasher: nodeHasher });
    await writeContent(store, descriptor, bytes);
    const sizes: number[] = [];
    for await (const chunk of store.read(descriptor)) sizes.push(chunk.length);
    expect(sizes).toEqual([65_536, 65_536, 18_928]);
    const controller = new AbortController();
    const reading = store.read(descriptor, { signal: controller.signal });
    await reading[Symbol.asyncIterator]().next();
    controller.abort('stop');
    await expect(reading[Symbol.asyncIterator]().next()).rejects.toBe('stop');
  });

  it('says which content it does not have, and with which size', async () => {
    const store = createMemoryStore({ createHasher: nodeHasher });
    const { descriptor, bytes } = content(10);
    await writeContent(store, descriptor, bytes);
    for (const { digest, size } of [content(11).descriptor, { ...descriptor, size: 11 }]) {
      await expect(readContent(store, { mediaType: 'a/b', digest, size }, { maxBytes: 99 })).rejects.toMatchObject({
        operation: 'read',
        message: `Cannot read content ${digest}: it is not in the store with 11 bytes`,
      });
    }
  });

  it('says why a writer takes nothing more', async () => {
    const store = createMemoryStore({ createHasher: nodeHasher });
    const { descriptor, bytes } = content(3);
    const writer = await store.ingest(descriptor);
    const refused = (state: string) => ({
      operation: 'write',
      message: `Cannot write content ${descriptor.digest}: the writer is ${state}`,
    });
    const write = async (chunk: Uint8Array): Promise<unknown> => writer.write(chunk);
    await write(bytes.subarray(0, 2));
    expect(writer.offset).toBe(2);
    await expect(write(bytes)).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
    expect(writer.offset).toBe(0);
    await expect(write(bytes)).rejects.toMatchObject(refused('spoilt'));
    await expect(writer.commit()).rejects.toMatchObject(refused('spoilt'));
    await writer.restart();
    await write(bytes);
    await writer.commit();
    await expect(write(bytes)).rejects.toMatchObject(refused('closed'));
    await expect(writer.restart()).rejects.toMatchObject(refused('closed'));
  });

  it('does not name an image of which a part is removed meanwhile, however the two meet', async () => {
    const image = buildImage({ layers: [{ files: { a: 'b' } }, { files: { c: 'd' } }] });
    const reasons = new Set<string>();
    for (let turns = -40; turns < 40; turns += 1) {
      const store = createMemoryStore({ createHasher: nodeHasher });
      for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
      const after = async (count: number): Promise<void> => {
        for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
      };
      const tagging = after(turns).then(async () => store.tag('app:1', image.descriptor));
      const collecting = after(-turns).then(async () => store.collectGarbage({ graceMs: 0 }));
      const reason = await tagging.then(
        () => 'named',
        ({ message }: Error) => message.replaceAll(/sha256:\w+/g, '…'),
      );
      const { removed } = await collecting;
      expect(await store.names()).toEqual(reason === 'named' ? ['app:1'] : []);
      expect(removed.length === 0).toBe(reason === 'named');
      reasons.add(reason);
    }
    expect(reasons).toContain('named');
    expect(reasons).toContain('Cannot name …: … was removed meanwhile');
  });

  it.each([-1, 1.5, Number.NaN])('refuses a limit of %d bytes', (maxBytes) => {
    expect(() => createMemoryStore({ createHasher: nodeHasher, maxBytes })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
    );
  });
});
