import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { loadImageArchive, nodeHasher, openOciLayout, writeDockerArchive, writeOciArchive } from 'kubepull/node';
import { MEDIA_TYPES, parseImageManifest } from 'kubepull/oci';
import { parsePlatform } from 'kubepull/platform';
import { copyImage, createMemoryStore, type CopyEvent, type ManagedStore, readContent } from 'kubepull/store';
import { buildImage, buildIndex } from 'kubepull/testing';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { storeWith } from './support.ts';
import { blobOf, dockerMembers, indexOf, MARKER, type Member, ociMembers, replace, tarOf } from './tar-kit.ts';

const motd = { files: { 'etc/motd': 'hello\n' } };
const amd64 = buildImage({ layers: [motd, { randomBytes: 300_000 }] });
const arm64 = buildImage({ platform: parsePlatform('linux/arm64'), layers: [motd, { files: { arm: '64' } }] });
const multi = buildIndex([amd64, arm64], { attestations: true });
const layerTar = tarOf([{ name: 'etc/motd', content: 'hello\n' }]);

const memory = (): ManagedStore => createMemoryStore({ createHasher: nodeHasher });

/** In pieces of odd lengths, as a stream gives them. */
async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0, length = 1; at < bytes.length; at += length, length = (length * 7) % 4099) {
    yield bytes.subarray(at, at + length);
  }
}

function file(bytes: Uint8Array): string {
  const path = join(tempDir().path, 'images.tar');
  writeFileSync(path, bytes);
  return path;
}

describe('loadImageArchive', () => {
  const archive = tarOf(ociMembers({ 'registry.example.com/app:1': amd64, 'docker.io/library/multi:3': multi }));

  it.each([
    ['a file', () => file(archive)],
    ['a packed file', () => file(gzipSync(archive))],
    ['a stream', () => inPieces(archive)],
    ['a packed stream', () => inPieces(gzipSync(archive))],
  ])('keeps the names and digests of an OCI archive in %s', async (_, source) => {
    const directory = join(tempDir().path, 'layout');
    for (const store of [memory(), await openOciLayout(directory)]) {
      const loaded = await loadImageArchive(source(), store);
      expect(loaded).toMatchObject([
        {
          names: ['registry.example.com/app:1'],
          root: { digest: amd64.descriptor.digest },
          platforms: [{ os: 'linux', architecture: 'amd64' }],
        },
        {
          names: ['docker.io/library/multi:3'],
          root: { digest: multi.descriptor.digest },
          platforms: [{ architecture: 'amd64' }, { architecture: 'arm64' }],
        },
      ]);
      expect((await store.resolve('docker.io/library/multi:3'))?.digest).toBe(multi.descriptor.digest);
    }
    await assertLayoutValid(directory, { allowPartials: false });
  });

  it('reads what we write, of both kinds, and writes the same again', async () => {
    const from = await storeWith({ 'registry.example.com/app:1': amd64 });
    for (const write of [writeOciArchive, writeDockerArchive]) {
      const [path, again] = [join(tempDir().path, '1.tar'), join(tempDir().path, '2.tar')];
      await write(from, ['registry.example.com/app:1'], path);
      const store = memory();
      const [loaded] = await loadImageArchive(path, store);
      expect(loaded?.names).toEqual(['registry.example.com/app:1']);
      await write(store, loaded?.names ?? [], again);
      const [first, second] = [path, again].map((one) => readFileSync(one));
      expect(first?.equals(second ?? Buffer.alloc(0))).toBe(true);
    }
  });

  it('makes an OCI manifest for an image of docker save, always the same, with config and layers as they are', async () => {
    const packed = gzipSync(layerTar);
    const other = tarOf([{ name: 'b', content: 'b' }]);
    const members = dockerMembers({
      layers: [packed, other],
      diffIds: [layerTar, other].map((layer) => computeDigest(layer, nodeHasher)),
      tags: ['app:1', 'registry.example.com/team/app:2'],
    });
    const store = memory();
    const [first] = await loadImageArchive(file(tarOf(members)), store);
    expect(first).toMatchObject({
      names: ['docker.io/library/app:1', 'registry.example.com/team/app:2'],
      platforms: [{ os: 'linux', architecture: 'amd64' }],
    });
    const [second] = await loadImageArchive(inPieces(gzipSync(tarOf(members.toReversed()))), memory());
    expect(second?.root).toEqual(first?.root);
    const target = (await store.resolve('docker.io/library/app:1')) ?? expect.fail();
    const manifest = parseImageManifest(await readContent(store, target, { maxBytes: 10_000 }));
    expect(manifest).toMatchObject({
      mediaType: MEDIA_TYPES.ociManifest,
      config: { mediaType: MEDIA_TYPES.ociConfig },
      layers: [
        { mediaType: MEDIA_TYPES.ociLayerGzip, digest: computeDigest(packed, nodeHasher), size: packed.length },
        { mediaType: MEDIA_TYPES.ociLayer, digest: computeDigest(other, nodeHasher), size: other.length },
      ],
    });
  });

  it('follows the links of docker save to layers that are in it once', async () => {
    const members = replace(dockerMembers({ layers: [layerTar, layerTar] }), /layer\.tar$/, (member) => member);
    const [one, two] = members.filter(({ name }) => name.endsWith('layer.tar')) as [Member, Member];
    for (const link of [
      { type: '2', link: `../${one.name}` },
      { type: '1', link: one.name },
    ]) {
      const linked = members.map((member) => (member === two ? { name: two.name, ...link } : member));
      const [loaded] = await loadImageArchive(file(tarOf(linked)), memory());
      expect(loaded?.names).toEqual(['docker.io/library/app:1']);
    }
  });

  it('reads the whole names of docker save, and takes the layout of an archive that is both', async () => {
    const { mediaType, digest, size } = amd64.descriptor;
    const annotations = {
      'io.containerd.image.name': 'docker.io/library/app:1',
      'org.opencontainers.image.ref.name': '1',
    };
    const members = [
      { name: 'blobs/', type: '5' },
      ...[...amd64.blobs.values()].map((bytes) => blobOf(bytes)),
      indexOf([{ mediaType, digest, size, annotations }]),
      { name: 'manifest.json', content: '[]' },
      MARKER,
    ];
    const [loaded] = await loadImageArchive(file(tarOf(members)), memory());
    expect(loaded).toMatchObject({ names: ['docker.io/library/app:1'], root: { digest } });
  });

  it('takes the images of an index that are there, as `ctr images export` leaves the others out', async () => {
    const armOnly = new Set([...arm64.blobs.keys()].filter((digest) => !amd64.blobs.has(digest)));
    const without = [...multi.blobs].filter(([digest]) => !armOnly.has(digest)).map(([, bytes]) => blobOf(bytes));
    const { mediaType, digest, size } = multi.descriptor;
    const members = [MARKER, indexOf([{ mediaType, digest, size }]), ...without];
    const attested = await loadImageArchive(file(tarOf(members)), memory());
    expect(attested).toMatchObject([{ platforms: [{ architecture: 'amd64' }] }]);
    const [one] = await loadImageArchive(file(tarOf(members)), memory(), {
      platform: parsePlatform('linux/amd64'),
      as: 'app:1',
    });
    expect(one).toMatchObject({ names: ['app:1'], root: { digest: amd64.descriptor.digest } });
  });

  it('names an image by its digest where the archive does not', async () => {
    const { mediaType, digest, size } = amd64.descriptor;
    const members = [
      MARKER,
      indexOf([{ mediaType, digest, size }]),
      ...[...amd64.blobs.values()].map((bytes) => blobOf(bytes)),
    ];
    const store = memory();
    expect(await loadImageArchive(file(tarOf(members)), store)).toMatchObject([{ names: [digest] }]);
    await copyImage(store, digest, memory(), { as: 'app:1' });
  });

  it('says what is copied, and how far it is', async () => {
    const events: CopyEvent[] = [];
    await loadImageArchive(file(archive), memory(), { onEvent: (event) => void events.push(event) });
    expect(events.filter(({ type }) => type === 'plan')).toHaveLength(2);
    const bytes = events.flatMap((event) => (event.type === 'plan' ? [event.bytes] : []));
    const done = events.flatMap((event) =>
      event.type === 'blob' && ['verified', 'skipped'].includes(event.phase) ? [event.descriptor.size] : [],
    );
    expect(done.reduce((sum, size) => sum + size, 0)).toBe(bytes.reduce((sum, size) => sum + size, 0));
  });

  it('takes an image for another platform where it is the only one, with a notice, unless that is strict', async () => {
    const path = file(tarOf(ociMembers({ 'app:1': arm64 })));
    const events: CopyEvent[] = [];
    const platform = parsePlatform('linux/amd64');
    await loadImageArchive(path, memory(), { platform, onEvent: (event) => void events.push(event) });
    expect(events[0]).toMatchObject({ type: 'platform', wanted: platform, platform: { architecture: 'arm64' } });
    await expect(loadImageArchive(path, memory(), { platform, strictPlatform: true })).rejects.toMatchObject({
      code: 'ERR_PLATFORM_NOT_FOUND',
    });
  });

  it('refuses one name for several images, before anything is written', async () => {
    const store = memory();
    await expect(loadImageArchive(file(archive), store, { as: 'app:1' })).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
    });
    expect(await store.has(amd64.descriptor)).toBe(false);
  });
});
