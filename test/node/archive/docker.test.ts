import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Digest, getDigestHex } from 'kubepull/digest';
import { type DockerArchiveOptions, readHostPlatform, streamDockerArchive } from 'kubepull/node';
import { type Descriptor, MEDIA_TYPES } from 'kubepull/oci';
import type { CopyEvent, ImageStore } from 'kubepull/store';
import { buildImage, buildIndex } from 'kubepull/testing';
import { readTar } from '../../testing/build/read-tar.ts';
import { collect, filesIn, flipFirstBit, jsonIn, memoryStore, put, readingOtherwise, storeWith } from './support.ts';

const linux = (architecture: string): { os: string; architecture: string } => ({ os: 'linux', architecture });
const motd = { files: { 'etc/motd': 'hello\n' } };
const amd64 = buildImage({
  layers: [motd, { randomBytes: 300_000 }, { files: { x: 'y' }, compression: 'none' }, motd],
});
const arm64 = buildImage({ platform: linux('arm64'), layers: [motd], mediaTypes: 'docker' });
const multi = buildIndex([amd64, arm64], { attestations: true });
const APP = 'registry.example.com/app:1';
const MULTI = 'docker.io/library/multi:1';
const store = await storeWith({ [APP]: amd64, 'registry.example.com/app:2': amd64, [MULTI]: multi, latest: arm64 });

const archive = (...args: Parameters<typeof streamDockerArchive>): Promise<Buffer> =>
  collect(streamDockerArchive(...args));
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

interface Entry {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

const entriesOf = (tar: Uint8Array): readonly Entry[] => jsonIn(tar, 'manifest.json') as Entry[];
const hexOf = (descriptor: Descriptor | undefined): string => getDigestHex(descriptor?.digest ?? ('sha256:' as Digest));

/** An image with layers as given, each of them with what it unpacks to. */
async function imageOf(
  store: ImageStore,
  layers: readonly { readonly mediaType?: string; readonly bytes: Uint8Array; readonly unpacked: Uint8Array }[],
): Promise<Descriptor> {
  const diff_ids = layers.map(({ unpacked }) => `sha256:${sha256(unpacked)}`);
  const config = await put(store, MEDIA_TYPES.ociConfig, { ...linux('amd64'), rootfs: { type: 'layers', diff_ids } });
  const descriptors: Descriptor[] = [];
  for (const { mediaType = MEDIA_TYPES.ociLayerGzip, bytes } of layers)
    descriptors.push(await put(store, mediaType, bytes));
  const mediaType = MEDIA_TYPES.ociManifest;
  const manifest = await put(store, mediaType, { schemaVersion: 2, mediaType, config, layers: descriptors });
  await store.tag(APP, manifest);
  return manifest;
}

describe('streamDockerArchive', () => {
  it('gives manifest, config and layers, by the names that the manifest says', async () => {
    const tar = await archive(store, [APP]);
    const files = filesIn(tar);
    const [entry] = entriesOf(tar);
    const [first, second, third] = amd64.manifest.layers;
    expect(entry).toEqual({
      Config: `${hexOf(amd64.manifest.config)}.json`,
      RepoTags: [APP],
      Layers: [`${hexOf(first)}.tar.gz`, `${hexOf(second)}.tar.gz`, `${hexOf(third)}.tar`, `${hexOf(first)}.tar.gz`],
    });
    for (const name of [entry?.Config ?? '', ...(entry?.Layers ?? [])]) {
      expect(sha256(files.get(name) ?? new Uint8Array())).toBe(name.replace(/\..*/, ''));
    }
    expect([...files.keys()]).toEqual(['manifest.json', entry?.Config, ...new Set(entry?.Layers)]);
  });

  it('unpacks layers when that is asked for, to what the config says', async () => {
    const tar = await archive(store, [APP], { layers: 'unpacked' });
    const config = jsonIn(tar, `${hexOf(amd64.manifest.config)}.json`) as { rootfs: { diff_ids: string[] } };
    const [entry] = entriesOf(tar);
    expect(entry?.Layers).toEqual(config.rootfs.diff_ids.map((id) => `${id.slice('sha256:'.length)}.tar`));
    for (const [name, bytes] of filesIn(tar)) if (name.endsWith('.tar')) expect(`${sha256(bytes)}.tar`).toBe(name);
  });

  it('gives one image all the names that it goes by, and shares layers between images', async () => {
    const tar = await archive(store, [APP, 'registry.example.com/app:2', MULTI], { platform: linux('amd64') });
    const [entry, ...others] = entriesOf(tar);
    expect(entry?.RepoTags).toEqual([APP, 'registry.example.com/app:2', MULTI]);
    expect(others).toEqual([]);
    const both = await storeWith({ [APP]: amd64, 'app.example.com/arm:1': arm64 });
    const shared = await archive(both, [APP, 'app.example.com/arm:1']);
    expect(entriesOf(shared)).toHaveLength(2);
    const names = readTar(shared).map(({ path }) => path);
    expect(new Set(names).size).toBe(names.length);
    expect(entriesOf(shared)[1]?.Layers[0]).toBe(entriesOf(shared)[0]?.Layers[0]);
  });

  it('gives a tag to full references and to chosen names only', async () => {
    const name = `registry.example.com/app@${amd64.descriptor.digest}`;
    const named = await storeWith({ [name]: amd64, nginx: amd64, 'not a reference': amd64 });
    for (const image of [name, 'nginx', 'not a reference']) {
      expect(entriesOf(await archive(named, [image]))[0]?.RepoTags).toEqual([]);
    }
    const chosen = await archive(named, [
      { name: 'nginx', as: 'nginx' },
      { name, as: 'example.com/b:2' },
    ]);
    expect(entriesOf(chosen)[0]?.RepoTags).toEqual(['docker.io/library/nginx:latest', 'example.com/b:2']);
  });

  it('takes the image of the wanted platform from an index, by default that of this machine', async () => {
    const config = async (options: DockerArchiveOptions): Promise<string | undefined> =>
      entriesOf(await archive(store, [MULTI], options))[0]?.Config;
    expect(await config({ platform: linux('arm64') })).toBe(`${hexOf(arm64.manifest.config)}.json`);
    expect(await config({})).toBe(await config({ platform: readHostPlatform() }));
    await expect(archive(store, [MULTI], { platform: linux('s390x') })).rejects.toMatchObject({
      code: 'ERR_PLATFORM_NOT_FOUND',
    });
  });

  it('refuses an image that an index called another platform’s, and takes it when no platform is asked for', async () => {
    expect(arm64.descriptor.platform).toEqual(linux('arm64'));
    const store = await storeWith({ [APP]: arm64 });
    await store.tag(APP, arm64.descriptor);
    await expect(archive(store, [APP], { platform: linux('amd64') })).rejects.toMatchObject({
      code: 'ERR_PLATFORM_NOT_FOUND',
      message: `Cannot write "${APP}" to an archive for linux/amd64: the image is for linux/arm64 only`,
    });
    expect(entriesOf(await archive(store, [APP]))).toHaveLength(1);
  });

  it('takes an image without index whose config names another platform, tells of it, and refuses it when strict', async () => {
    const { platform: _, ...plain } = arm64.descriptor;
    const store = await storeWith({ [APP]: arm64 });
    await store.tag(APP, plain);
    const events: CopyEvent[] = [];
    const options = { platform: linux('amd64'), onEvent: (event: CopyEvent) => void events.push(event) };
    expect(entriesOf(await archive(store, [APP], options))).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'platform')).toEqual([
      { type: 'platform', descriptor: plain, wanted: linux('amd64'), platform: linux('arm64') },
    ]);
    await expect(archive(store, [APP], { ...options, strictPlatform: true })).rejects.toMatchObject({
      code: 'ERR_PLATFORM_NOT_FOUND',
      message: expect.stringContaining('without the option strictPlatform it is taken') as string,
    });
  });

  it('gives equal bytes for equal images', async () => {
    const other = await storeWith({ [MULTI]: multi, [APP]: amd64 });
    for (const layers of ['stored', 'unpacked'] as const) {
      expect((await archive(other, [APP], { layers })).equals(await archive(store, [APP], { layers }))).toBe(true);
    }
    expect(sha256(await archive(store, [APP]))).toBe(
      'a3b1a9e878d43ccf6f466f8ab86f28cda8351097710797d13536232df8638d8e',
    );
  });

  it('tells the plan, then each content once, in bytes as they are stored', async () => {
    for (const layers of ['stored', 'unpacked'] as const) {
      const events: CopyEvent[] = [];
      await archive(store, [APP], { layers, onEvent: (event) => events.push(event) });
      const [plan] = events;
      if (plan?.type !== 'plan') throw new Error('No plan');
      const ends = events.flatMap((event) => (event.type === 'blob' && event.phase === 'verified' ? [event] : []));
      expect(ends.map(({ descriptor }) => descriptor)).toEqual(plan.contents);
      expect(ends.reduce((total, { bytes }) => total + bytes, 0)).toBe(plan.bytes);
    }
  });
});

describe('streamDockerArchive, of layers packed in other ways', () => {
  const tar = Buffer.alloc(1024);

  it('looks at the bytes, because media types may say something else', async () => {
    const store = memoryStore();
    await imageOf(store, [
      { mediaType: MEDIA_TYPES.ociLayerGzip, bytes: tar, unpacked: tar },
      { mediaType: MEDIA_TYPES.ociLayer, bytes: gzipSync(tar.subarray(512)), unpacked: tar.subarray(512) },
    ]);
    const [entry] = entriesOf(await archive(store, [APP], { layers: 'unpacked' }));
    expect(entry?.Layers).toEqual([`${sha256(tar)}.tar`, `${sha256(tar.subarray(512))}.tar`]);
  });

  it('unpacks gzip of several members, and of large ratio', async () => {
    const [store, zeros] = [memoryStore(), Buffer.alloc(4_000_000)];
    const bytes = Buffer.concat([gzipSync(tar), gzipSync(zeros)]);
    expect(gunzipSync(bytes).length).toBe(4_001_024);
    await imageOf(store, [{ bytes, unpacked: Buffer.concat([tar, zeros]) }]);
    const size = (await archive(store, [APP], { layers: 'unpacked' })).length;
    expect(size).toBeGreaterThan(4_001_024);
    await expect(archive(store, [APP], { layers: 'unpacked', maxUnpackedBytes: 4_001_023 })).rejects.toMatchObject({
      code: 'ERR_STORE',
      message: expect.stringMatching('unpacks to more than 4001023 bytes$'),
    });
    await expect(archive(store, [APP], { layers: 'unpacked', maxUnpackedBytes: 4_001_024 })).resolves.toBeDefined();
  });

  it.each([
    ['is cut', (bytes: Buffer) => bytes.subarray(0, -9), 'ERR_REGISTRY_DOCUMENT', 'is corrupt gzip (Z_BUF_ERROR)'],
    [
      'is spoilt',
      (bytes: Buffer) => bytes.fill(0xff, 10, 20),
      'ERR_REGISTRY_DOCUMENT',
      'is corrupt gzip (Z_DATA_ERROR)',
    ],
    [
      'is another',
      () => gzipSync('other'),
      'ERR_CONTENT_MISMATCH',
      `unpacks to sha256:${sha256(Buffer.from('other'))}, and the config says sha256:${sha256(tar)}`,
    ],
  ])('refuses to unpack a layer that %s', async (_, change, code, reason) => {
    const store = memoryStore();
    const bytes = change(gzipSync(tar));
    await imageOf(store, [{ bytes, unpacked: tar }]);
    const message = `Cannot write "${APP}" to a docker-archive: layer sha256:${sha256(bytes)} ${reason}`;
    await expect(archive(store, [APP], { layers: 'unpacked' })).rejects.toMatchObject({ code, message });
  });

  it('looks at one layer under each digest that configs say it unpacks to', async () => {
    const store = memoryStore();
    const bytes = gzipSync(tar);
    await imageOf(store, [
      { bytes, unpacked: tar },
      { bytes, unpacked: Buffer.from('other') },
    ]);
    await expect(archive(store, [APP], { layers: 'unpacked' })).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
  });

  it('keeps its bytes when the store uses one buffer over and over', async () => {
    const layer = amd64.manifest.layers[1]?.digest;
    const source = readingOtherwise(store, layer, async function* (content) {
      const buffer = new Uint8Array(64 * 1024);
      for await (const chunk of content) {
        buffer.set(chunk);
        yield buffer.subarray(0, chunk.length);
        buffer.fill(0);
      }
    });
    for (const layers of ['stored', 'unpacked'] as const) {
      expect((await archive(source, [APP], { layers })).equals(await archive(store, [APP], { layers }))).toBe(true);
    }
  });
});

describe('streamDockerArchive, of what the format has no place for', () => {
  it.each([
    [
      'an artifact',
      'application/vnd.example+json',
      MEDIA_TYPES.ociLayer,
      'its config is "application/vnd.example+json", which is no image\'s',
    ],
    [
      'a layer that is none',
      MEDIA_TYPES.ociConfig,
      'application/vnd.oci.image.layer.v1.tar+gzip+encrypted',
      /is "application\/vnd\.oci\.image\.layer\.v1\.tar\+gzip\+encrypted", which is no layer of files$/,
    ],
  ])('refuses %s', async (_, configType, layerType, reason) => {
    const store = memoryStore();
    const bytes = new Uint8Array([1, 2, 3]);
    const config = await put(store, configType, { rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(bytes)}`] } });
    const mediaType = MEDIA_TYPES.ociManifest;
    const layers = [await put(store, layerType, bytes)];
    await store.tag(APP, await put(store, mediaType, { schemaVersion: 2, mediaType, config, layers }));
    const message =
      typeof reason === 'string'
        ? `Cannot write "${APP}" to a docker-archive: ${reason}`
        : expect.stringMatching(reason);
    await expect(archive(store, [APP])).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID', message });
  });

  it('refuses an image whose config and manifest name other numbers of layers', async () => {
    const store = memoryStore();
    const config = await put(store, MEDIA_TYPES.ociConfig, { rootfs: { diff_ids: [] } });
    const mediaType = MEDIA_TYPES.ociManifest;
    const layers = [await put(store, MEDIA_TYPES.ociLayer, new Uint8Array(512))];
    await store.tag(APP, await put(store, mediaType, { schemaVersion: 2, mediaType, config, layers }));
    await expect(archive(store, [APP])).rejects.toMatchObject({
      code: 'ERR_REGISTRY_DOCUMENT',
      message: `Cannot write "${APP}" to a docker-archive: its config names 0 layers, and its manifest 1`,
    });
  });

  it.each([
    [{ layers: 'best' as 'stored' }, 'Cannot write an archive with layers "best": stored or unpacked'],
    [{ maxUnpackedBytes: -1 }, 'Cannot write an archive with maxUnpackedBytes -1: it must be a whole number from 0'],
    [
      { maxUnpackedBytes: Number.NaN },
      'Cannot write an archive with maxUnpackedBytes NaN: it must be a whole number from 0',
    ],
  ])('refuses the options %j', async (options, message) => {
    await expect(archive(store, [APP], options)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID', message });
  });

  it('refuses a chosen name without tag, and one that is no reference', async () => {
    const as = `example.com/app@${amd64.descriptor.digest}`;
    await expect(archive(store, [{ name: APP, as }])).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
      message: `Cannot name an image "${as}" in a docker-archive: it has no tag`,
    });
    await expect(archive(store, [{ name: APP, as: '../App' }])).rejects.toMatchObject({
      code: 'ERR_REFERENCE_INVALID',
    });
  });

  it('refuses two images under names that mean the same', async () => {
    const images = [
      { name: APP, as: 'nginx' },
      { name: 'latest', as: 'docker.io/library/nginx:latest' },
    ];
    await expect(archive(store, images)).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
      message: 'Cannot name two images "docker.io/library/nginx:latest" in a docker-archive',
    });
    const same = images.map(({ as }) => ({ name: APP, as }));
    expect(entriesOf(await archive(store, same))[0]?.RepoTags).toEqual(['docker.io/library/nginx:latest']);
  });

  it('fails when the store has other content than it says', async () => {
    const { config, layers } = amd64.manifest;
    for (const { digest } of [amd64.descriptor, config, ...layers]) {
      const source = readingOtherwise(store, digest, flipFirstBit);
      await expect(archive(source, [APP])).rejects.toMatchObject({
        code: 'ERR_CONTENT_MISMATCH',
        expected: { digest },
      });
    }
  });

  it('refuses indexes nested without end', async () => {
    let deep = buildIndex([amd64]);
    for (let level = 0; level < 3; level += 1) deep = buildIndex([deep]);
    const source = await storeWith({ [APP]: deep });
    expect(entriesOf(await archive(source, [APP], { platform: linux('amd64') }))).toHaveLength(1);
    const deeper = buildIndex([deep]);
    const endless = { ...source, resolve: async () => deeper.descriptor };
    await put(source, MEDIA_TYPES.ociIndex, deeper.contents.at(-1)?.bytes ?? new Uint8Array());
    await expect(archive(endless, [APP], { platform: linux('amd64') })).rejects.toMatchObject({
      code: 'ERR_STORE',
      message: `Cannot write "${APP}" to an archive: its indexes are nested deeper than 4 levels`,
    });
  });
});

describe('names and annotations in a docker-archive [S12]', () => {
  it('never name a file', async () => {
    const evil = '../../evil';
    const store = memoryStore();
    const image = await imageOf(store, [{ bytes: gzipSync('x'), unpacked: Buffer.from('x') }]);
    await store.tag(evil, { ...image, annotations: { 'org.opencontainers.image.title': evil } });
    const names = readTar(await archive(store, [evil, { name: evil, as: 'example.com/a:1' }])).map(({ path }) => path);
    for (const name of names) expect(name).toMatch(/^(?:manifest\.json|[0-9a-f]{64}\.(?:json|tar|tar\.gz))$/);
  });
});
