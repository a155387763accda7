import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher, streamOciArchive, writeOciArchive } from 'kubepull/node';
import { MEDIA_TYPES } from 'kubepull/oci';
import { parsePlatform } from 'kubepull/platform';
import { type CopyEvent, type ImageStore, writeContent } from 'kubepull/store';
import { buildImage, buildIndex } from 'kubepull/testing';
import { layoutFaults } from '../../support/layout-check.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { readTar } from '../../testing/build/read-tar.ts';
import { collect, filesIn, flipFirstBit, jsonIn, layoutIn, put, readingOtherwise, storeWith } from './support.ts';

const shared = { files: { 'etc/motd': 'hello\n' } };
const amd64 = buildImage({ layers: [shared, { randomBytes: 300_000 }] });
const arm64 = buildImage({ platform: parsePlatform('linux/arm64'), layers: [shared, { randomBytes: 1000 }] });
const multi = buildIndex([amd64, arm64], { attestations: true });
const APP = 'registry.example.com/app:1';
const MULTI = 'docker.io/library/multi:1';

const store = await storeWith({ [APP]: amd64, [MULTI]: multi, latest: arm64 });
const archive = (...args: Parameters<typeof streamOciArchive>): Promise<Buffer> => collect(streamOciArchive(...args));

describe('streamOciArchive', () => {
  it('gives an OCI layout, with every content once and unchanged', async () => {
    const tar = await archive(store, [APP, MULTI]);
    expect(layoutFaults(layoutIn(tar))).toEqual([]);
    const blobs = [...filesIn(tar)].filter(([path]) => path.startsWith('blobs/'));
    expect(blobs.map(([path]) => path.slice('blobs/'.length).replace('/', ':')).toSorted()).toEqual(
      [...multi.blobs.keys()].toSorted(),
    );
  });

  it('names each image for skopeo, and those with a full reference for containerd, Docker and podman, too', async () => {
    const tar = await archive(store, [MULTI, 'latest', { name: APP, as: 'app:1' }]);
    const { manifests } = jsonIn(tar, 'index.json') as { manifests: { digest: string; annotations: object }[] };
    expect(manifests.map(({ digest, annotations }) => [digest, annotations])).toEqual([
      [multi.descriptor.digest, { 'org.opencontainers.image.ref.name': MULTI, 'io.containerd.image.name': MULTI }],
      [arm64.descriptor.digest, { 'org.opencontainers.image.ref.name': 'latest' }],
      [amd64.descriptor.digest, { 'org.opencontainers.image.ref.name': 'app:1' }],
    ]);
    expect(manifests[1]).toMatchObject({ platform: { os: 'linux', architecture: 'arm64' } });
  });

  it('gives equal bytes for equal images, whatever else the store has and whenever it is made', async () => {
    const other = await storeWith({ 'other:1': arm64, [MULTI]: multi, [APP]: amd64 });
    const [first, second] = [await archive(store, [APP, MULTI]), await archive(other, [APP, MULTI])];
    expect(second.equals(first)).toBe(true);
    const hash = createHash('sha256')
      .update(await archive(await storeWith({ [APP]: amd64 }), [APP]))
      .digest('hex');
    // On every machine, on every day; a new number breaks those who compare archives.
    expect(hash).toBe('3161163099e8e95b7aea3bccaa982e4249e4d077749fa699482bc181dcd41ce2');
  });

  it('begins with what tells the layout, and has plain files and directories only', async () => {
    const entries = readTar(await archive(store, [MULTI]));
    expect(entries.slice(0, 4).map(({ path }) => path)).toEqual([
      'oci-layout',
      'index.json',
      'blobs/',
      'blobs/sha256/',
    ]);
    for (const { path, type, mode } of entries) {
      expect([type, mode]).toEqual(path.endsWith('/') ? ['5', 0o755] : ['0', 0o644]);
    }
  });

  it('puts the image of one platform in the place of an index', async () => {
    const tar = await archive(store, [MULTI], { platform: parsePlatform('linux/arm64') });
    expect(layoutFaults(layoutIn(tar))).toEqual([]);
    expect(jsonIn(tar, 'index.json')).toMatchObject({ manifests: [{ digest: arm64.descriptor.digest }] });
    expect(filesIn(tar).size).toBe(2 + arm64.contents.length);
  });

  it.each([
    ['an index without it', MULTI],
    ['an image that says in its config what it is for, when strict', 'plain'],
  ])('refuses a platform that there is no image for: %s', async (_, name) => {
    const { platform, ...descriptor } = amd64.descriptor;
    expect(platform).toBeDefined();
    const store = await storeWith({ [MULTI]: multi });
    await store.tag('plain', descriptor);
    const stream = archive(store, [name], { platform: parsePlatform('windows/amd64'), strictPlatform: true });
    await expect(stream).rejects.toMatchObject({ code: 'ERR_PLATFORM_NOT_FOUND' });
    await expect(archive(store, [name], { platform: parsePlatform('linux/amd64') })).resolves.toBeDefined();
  });

  it('takes artifacts, and other digests than sha256', async () => {
    const store = await storeWith({});
    const bytes = new TextEncoder().encode('text');
    const layer = { mediaType: 'text/plain', digest: computeDigest(bytes, nodeHasher, 'sha512'), size: bytes.length };
    await writeContent(store, layer, bytes);
    const artifact = await put(store, MEDIA_TYPES.ociManifest, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      artifactType: 'application/vnd.example.note',
      config: await put(store, MEDIA_TYPES.ociEmpty, {}),
      layers: [layer],
    });
    await store.tag('note', artifact);
    const { path } = tempDir();
    await writeOciArchive(store, ['note'], join(path, 'note.tar'));
    execFileSync('tar', ['-xf', join(path, 'note.tar'), '-C', path]);
    expect(readFileSync(join(path, 'blobs', layer.digest.replace(':', '/')), 'utf8')).toBe('text');
    expect(readdirSync(join(path, 'blobs')).toSorted()).toEqual(['sha256', 'sha512']);
  });

  it('tells the plan, then each content from its start to its verified end', async () => {
    const events: CopyEvent[] = [];
    await archive(store, [APP], { onEvent: (event) => events.push(event) });
    const [plan] = events;
    if (plan?.type !== 'plan') throw new Error('No plan');
    expect(plan.bytes).toBe(amd64.contents.reduce((total, { bytes }) => total + bytes.length, 0));
    const ends = events.flatMap((event) => (event.type === 'blob' && event.phase === 'verified' ? [event] : []));
    expect(ends.map(({ descriptor }) => descriptor)).toEqual(plan.contents);
    for (const { descriptor, bytes } of ends) expect(bytes).toBe(descriptor.size);
  });

  it.each([
    [[], 'Cannot write an archive: no image was named'],
    [
      [
        { name: APP, as: 'a' },
        { name: 'latest', as: 'a' },
      ],
      'Cannot write two images "a" to an archive: "registry.example.com/app:1" and "latest" are other images',
    ],
    [[{ name: APP, as: '' }], 'Cannot use "" as a name in a store: it is empty'],
  ])('refuses %j', async (images, message) => {
    await expect(archive(store, images)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID', message });
  });

  it('counts an image once that is listed twice', async () => {
    expect((await archive(store, [APP, APP])).equals(await archive(store, [APP]))).toBe(true);
  });

  it('says what is missing before the first byte', async () => {
    await expect(streamOciArchive(store, ['gone']).next()).rejects.toMatchObject({
      code: 'ERR_STORE',
      message: 'Cannot write "gone" to an archive: the store has no such name',
    });
    const lost = amd64.manifest.layers[1]?.digest;
    const lacking: ImageStore = {
      ...store,
      has: async (descriptor, options) => descriptor.digest !== lost && store.has(descriptor, options),
    };
    await expect(streamOciArchive(lacking, [APP]).next()).rejects.toMatchObject({
      code: 'ERR_STORE',
      operation: 'archive',
      message: expect.stringMatching(`^Cannot write "${APP}" to an archive: the store lacks ${lost} `),
    });
  });

  it.each([
    ['manifest', amd64.descriptor],
    ['layer', amd64.manifest.layers[1]],
  ])('fails, and lacks its end, when the store has another %s than it says', async (_, spoilt) => {
    const source = readingOtherwise(store, spoilt?.digest, flipFirstBit);
    const parts: Uint8Array[] = [];
    const stream = (async () => {
      for await (const chunk of streamOciArchive(source, [APP])) parts.push(chunk);
    })();
    await expect(stream).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH', expected: { digest: spoilt?.digest } });
    expect(() => readTar(Buffer.concat(parts))).toThrow();
  });

  it.each<[string, readonly [source: unknown, images: unknown, sink: unknown, options?: object]]>([
    ['store', [undefined, [APP], 'a.tar']],
    ['images', [store, APP, 'a.tar']],
    ['images', [store, [{ image: APP }], 'a.tar']],
    ['platform', [store, [APP], 'a.tar', { platform: 'linux/amd64' }]],
    ['sink', [store, [APP], undefined]],
  ])('refuses a %s of the wrong kind, and writes nothing', async (what, [source, images, sink, options = {}]) => {
    const directory = tempDir();
    const to = typeof sink === 'string' ? join(directory.path, sink) : sink;
    const written = writeOciArchive(source as typeof store, images as readonly string[], to as string, options);
    const message = expect.stringMatching(`^Cannot write an archive: ${what}\\b`) as string;
    await expect(written).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID', message });
    expect(readdirSync(directory.path)).toEqual([]);
  });

  it('keeps its bytes when the store uses one buffer over and over', async () => {
    const source = readingOtherwise(store, amd64.manifest.layers[1]?.digest, async function* (content) {
      const buffer = new Uint8Array(64 * 1024);
      for await (const chunk of content) {
        buffer.set(chunk);
        yield buffer.subarray(0, chunk.length);
        buffer.fill(0);
      }
    });
    expect((await archive(source, [APP])).equals(await archive(store, [APP]))).toBe(true);
  });
});

describe('names and annotations in an oci-archive [S12]', () => {
  const evil = '../../../../tmp/evil\\..\\x';

  it('never name a file', async () => {
    const annotations = { 'org.opencontainers.image.title': evil, 'org.opencontainers.image.ref.name': evil };
    const store = await storeWith({});
    const layer = { ...(await put(store, 'x/a..', new Uint8Array([1]))), annotations };
    const config = { ...(await put(store, 'x/a..', { [evil]: evil })), annotations };
    const mediaType = MEDIA_TYPES.ociManifest;
    const document = { schemaVersion: 2, mediaType, artifactType: 'x/a..', config, layers: [layer], annotations };
    const manifest = await put(store, mediaType, document);
    const platform = { os: evil, architecture: evil, variant: evil };
    const index = await put(store, MEDIA_TYPES.ociIndex, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociIndex,
      manifests: [{ ...manifest, platform, annotations }],
      annotations,
    });
    await store.tag(evil, index);
    const { path } = tempDir();
    await writeOciArchive(store, [evil, { name: evil, as: `${evil}/2` }], join(path, 'evil.tar'));
    const entries = readTar(readFileSync(join(path, 'evil.tar')));
    for (const { path } of entries)
      expect(path).toMatch(/^(?:oci-layout|index\.json|blobs\/(?:sha256\/(?:[0-9a-f]{64})?)?)$/);
    expect(readdirSync(path)).toEqual(['evil.tar']);
    expect(statSync(join(path, 'evil.tar')).size).toBeGreaterThan(0);
  });
});
