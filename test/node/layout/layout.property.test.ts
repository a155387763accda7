import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DigestAlgorithm, computeDigest } from 'kubepull/digest';
import { nodeHasher, openOciLayout } from 'kubepull/node';
import type { Descriptor } from 'kubepull/oci';
import { buildImage } from 'kubepull/testing';
import { anyText } from '../../support/any-text.ts';
import { createCrashDisk } from '../../support/crash-fs.ts';
import { runsOf } from '../../support/property-runs.ts';

const owner = () => {
  let tokens = 0;
  return {
    createToken: () => `${'0'.repeat(16)}-1-1-${String((tokens += 1)).padStart(36, '0')}`,
    stateOf: async () => 'alive' as const,
  };
};

describe('openOciLayout', () => {
  it('stores the same blob however it is cut, and however much the system takes at a time [S04]', async () => {
    const source = new Uint8Array(700_000).map((_, place) => place * 31 + (place >> 8));
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: source.length }),
        fc.array(fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 300_000 })), { maxLength: 12 }),
        fc.array(fc.integer({ min: 30_000, max: 300_000 }), { minLength: 1, maxLength: 5 }),
        async (size, cuts, takes) => {
          const bytes = source.subarray(0, size);
          const descriptor: Descriptor = { mediaType: 'a/b', digest: computeDigest(bytes, nodeHasher), size };
          const disk = createCrashDisk();
          const fs = disk.mount(({ n, operation }) => (operation === 'write' ? takes[n % takes.length] : undefined));
          const store = await openOciLayout('/layout', { fs, owner: owner() });
          const writer = await store.ingest(descriptor);
          let at = 0;
          for (const cut of [...cuts, size]) {
            // One buffer for all, so that a chunk kept too long shows.
            const chunk = bytes.slice(at, at + cut);
            await writer.write(chunk);
            chunk.fill(0);
            at += chunk.length;
          }
          await writer.commit();
          const path = `blobs/${descriptor.digest.replace(':', '/')}`;
          expect(Buffer.compare(disk.files('/layout').read(path), bytes)).toBe(0);
        },
      ),
      runsOf('files'),
    );
  });

  it('makes file names of lower-case hex and of its own words, whatever names and descriptors say [S10 S12]', async () => {
    const image = buildImage({ layers: [{ files: { a: 'b' } }] });
    const disk = createCrashDisk();
    const store = await openOciLayout('/layout', { fs: disk.mount(), owner: owner() });
    const text = fc.oneof(anyText(), fc.constantFrom('../../x', '/etc/x', 'CON', 'a\\b', 'blobs/sha256/x'));
    await fc.assert(
      fc.asyncProperty(
        text,
        text,
        fc.constantFrom<DigestAlgorithm>('sha256', 'sha512'),
        async (name, title, algorithm) => {
          const annotations = { 'org.opencontainers.image.title': title, 'org.opencontainers.image.ref.name': name };
          const bytes = new TextEncoder().encode(name + title);
          const digest = computeDigest(bytes, nodeHasher, algorithm);
          const contents = [...image.contents, { descriptor: { mediaType: title, digest, size: bytes.length }, bytes }];
          for (const { descriptor, bytes } of contents) {
            const writer = await store.ingest({ ...descriptor, annotations });
            await writer.write(bytes);
            await writer.commit();
          }
          // Not every text is a name; what is refused leaves nothing, either.
          await store.tag(name, { ...image.descriptor, annotations }).catch((error: unknown) => {
            expect(error).toMatchObject({ code: 'ERR_OPTION_INVALID' });
          });
          await store.untag(name);
          const files = disk.files('/layout');
          expect(
            files
              .list('.')
              .map((entry) => entry.name)
              .toSorted(),
          ).toEqual(['blobs', 'index.json', 'ingest', 'oci-layout']);
          for (const { name: folder } of files.list('blobs')) {
            expect(['sha256', 'sha512']).toContain(folder);
            const names = files.list(`blobs/${folder}`).map((entry) => entry.name);
            expect(names.filter((entry) => !/^[0-9a-f]{64,128}$/.test(entry))).toEqual([]);
          }
          expect(files.list('ingest')).toEqual([]);
        },
      ),
      runsOf('files'),
    );
  });

  it('keeps every byte of an index that others wrote, whatever is in it [S11]', async () => {
    const image = buildImage({ layers: [{ files: { a: 'b' } }] });
    const disk = createCrashDisk();
    const store = await openOciLayout('/layout', { fs: disk.mount(), owner: owner() });
    for (const { descriptor, bytes } of image.contents) {
      const writer = await store.ingest(descriptor);
      await writer.write(bytes);
      await writer.commit();
    }
    const { mediaType, digest, size } = image.descriptor;
    const foreign = fc
      .dictionary(
        fc.string().filter((key) => !KNOWN.test(key)),
        fc.jsonValue(),
        { maxKeys: 4 },
      )
      .map((more) => JSON.stringify({ ...more, mediaType, digest, size }));
    const space = fc.constantFrom('', ' ', '\n  ', '\t\r\n');
    await fc.assert(
      fc.asyncProperty(fc.array(foreign, { maxLength: 4 }), space, fc.jsonValue(), async (entries, gap, more) => {
        const [before, after] = [
          `{"x":${JSON.stringify(more)},"schemaVersion":2,"manifests"${gap}:[`,
          `],${gap}"y":[1]}`,
        ];
        const list = entries.map((entry) => `${gap}${entry}${gap}`).join(',');
        await replace(disk, `${before}${list}${after}`);
        await store.tag('app:1', image.descriptor);
        const text = Buffer.from(disk.files('/layout').read('index.json')).toString();
        expect(text.startsWith(before) && text.endsWith(after)).toBe(true);
        for (const entry of entries) expect(text).toContain(entry);
        expect((JSON.parse(text) as { manifests: unknown[] }).manifests).toHaveLength(entries.length + 1);
        expect(await store.resolve('app:1')).toEqual(image.descriptor);
      }),
      runsOf('files'),
    );
  });
});

/** Names that mean something in a descriptor, in any case. */
const KNOWN = /^(mediatype|digest|size|urls|annotations|data|artifacttype|platform)$/i;

async function replace(disk: ReturnType<typeof createCrashDisk>, text: string): Promise<void> {
  const fs = disk.mount();
  await fs.unlink('/layout/index.json');
  await (await fs.create('/layout/index.json')).write([new TextEncoder().encode(text)], 0);
}
