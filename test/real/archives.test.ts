import { createHash } from 'node:crypto';
import { createWriteStream, mkdirSync, readFileSync, statSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Digest, getDigestHex } from 'kubepull/digest';
import { type DockerArchiveOptions, writeDockerArchive, writeOciArchive } from 'kubepull/node';
import { MEDIA_TYPES } from 'kubepull/oci';
import { parsePlatform } from 'kubepull/platform';
import { type ImageStore, writeContent } from 'kubepull/store';
import { buildImage, type BuiltImage, buildIndex } from 'kubepull/testing';
import { put, storeWith, zstdRaw } from '../node/archive/support.ts';
import { assertLayoutValid } from '../support/layout-check.ts';
import { tempDir } from '../support/temp-dir.ts';
import { startContainerd, startPodman } from './containerd.ts';
import { run } from './servers.ts';

const motd = { files: { 'etc/motd': 'hello\n' } };
const layers = [motd, { randomBytes: 5_000_000 }, { files: { 'bin/tool': 'x' }, compression: 'none' as const }, motd];
const amd64 = buildImage({ layers });
const docker = buildImage({ layers: [motd, { files: { d: '1' } }], mediaTypes: 'docker' });
const arm64 = buildImage({ platform: parsePlatform('linux/arm64'), layers: [motd] });
const multi = buildIndex([amd64, arm64], { attestations: true });

const APP = 'registry.example.com/team/app:1';
const ALSO = 'registry.example.com/team/app:also';
const DOCKER = 'registry.example.com/old/app:2';
const MULTI = 'docker.io/library/multi:3';

let store: ImageStore;
beforeAll(async () => {
  store = await storeWith({ [APP]: amd64, [ALSO]: amd64, [DOCKER]: docker, [MULTI]: multi });
});

const sha256 = (path: string): string => `sha256:${createHash('sha256').update(readFileSync(path)).digest('hex')}`;

/** Lets skopeo copy an image out of an archive; gives the digest of the manifest that it found, and the folder. */
async function skopeoCopy(source: string, ...flags: readonly string[]): Promise<{ digest: string; folder: string }> {
  const folder = join(tempDir().path, 'dir');
  await run('skopeo', 'copy', '--quiet', ...flags, source, `dir:${folder}`);
  return { digest: sha256(join(folder, 'manifest.json')), folder };
}

interface Copied {
  readonly config: { readonly digest: Digest };
  readonly layers: readonly { readonly digest: Digest }[];
}

const diffIdsOf = ({ manifest, blobs }: BuiltImage): readonly string[] => {
  const config = JSON.parse(Buffer.from(blobs.get(manifest.config.digest) ?? []).toString()) as {
    rootfs: { diff_ids: string[] };
  };
  return config.rootfs.diff_ids;
};

/** Writes a docker-archive, and checks that skopeo takes the image from it: same ID, same content of each layer. */
async function checkDocker(image: BuiltImage, name: string, options: DockerArchiveOptions): Promise<void> {
  const tar = join(tempDir().path, 'docker.tar');
  await writeDockerArchive(store, [APP, DOCKER, ALSO], tar, options);
  const { folder } = await skopeoCopy(`docker-archive:${tar}:${name}`);
  const copied = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Copied;
  expect(copied.config.digest).toBe(image.manifest.config.digest);
  expect(copied.layers.map(({ digest }) => digest)).toEqual(diffIdsOf(image));
  for (const { digest } of [copied.config, ...copied.layers]) {
    expect(sha256(join(folder, getDigestHex(digest)))).toBe(digest);
  }
}

describe('oci-archive', () => {
  it.each([
    [APP, amd64],
    [MULTI, multi],
  ])('is read by skopeo, which finds the same digests: %s', async (name, image) => {
    const tar = join(tempDir().path, 'oci.tar');
    await writeOciArchive(store, [APP, DOCKER, MULTI, ALSO], tar);
    const { digest, folder } = await skopeoCopy(`oci-archive:${tar}:${name}`, '--all');
    expect(digest).toBe(image.descriptor.digest);
    for (const digest of image.blobs.keys()) {
      if (digest !== image.descriptor.digest && !image.contents.some(isManifest(digest))) {
        expect(sha256(join(folder, getDigestHex(digest)))).toBe(digest);
      }
    }
  });

  it('is read by skopeo without a name when it has one image in Docker types, which skopeo finds no other way', async () => {
    const tar = join(tempDir().path, 'oci.tar');
    await writeOciArchive(store, [DOCKER], tar);
    expect((await skopeoCopy(`oci-archive:${tar}`)).digest).toBe(docker.descriptor.digest);
    await expect(skopeoCopy(`oci-archive:${tar}:${DOCKER}`)).rejects.toThrow('no descriptor found');
  });

  it('is inspected by skopeo without a name when it has one image', async () => {
    const tar = join(tempDir().path, 'oci.tar');
    await writeOciArchive(store, [MULTI], tar, { platform: parsePlatform('linux/amd64') });
    const inspected = JSON.parse(await run('skopeo', 'inspect', `oci-archive:${tar}`)) as object;
    expect(inspected).toMatchObject({
      Digest: amd64.descriptor.digest,
      Layers: amd64.manifest.layers.map(({ digest }) => digest),
      Architecture: 'amd64',
    });
  });

  it('unpacks to a valid layout that umoci reads', async () => {
    const { path } = tempDir();
    const layout = join(path, 'layout');
    mkdirSync(layout);
    await writeOciArchive(store, [APP, MULTI], join(path, 'oci.tar'));
    await run('tar', '-xf', join(path, 'oci.tar'), '-C', layout);
    await assertLayoutValid(layout);
    await run('umoci', 'unpack', '--rootless', '--image', `${layout}:${APP}`, join(path, 'bundle'));
    expect(readFileSync(join(path, 'bundle/rootfs/etc/motd'), 'utf8')).toBe('hello\n');
    expect(statSync(join(path, 'bundle/rootfs/random')).size).toBe(5_000_000);
  });

  it('takes layers in zstd as they are', async () => {
    const { path } = tempDir();
    const zstd = await zstdImage(store, 'registry.example.com/zstd:1');
    await writeOciArchive(store, ['registry.example.com/zstd:1'], join(path, 'oci.tar'));
    expect((await skopeoCopy(`oci-archive:${join(path, 'oci.tar')}`)).digest).toBe(zstd);
  });
});

describe('docker-archive', () => {
  it.each([
    ['stored', APP, amd64],
    ['stored', ALSO, amd64],
    ['stored', DOCKER, docker],
    ['unpacked', APP, amd64],
    ['unpacked', DOCKER, docker],
  ] as const)('is read by skopeo, which finds the same image: layers %s, %s', async (layers, name, image) => {
    await checkDocker(image, name, { layers });
  });

  it('is inspected by skopeo, which lists its tags', async () => {
    const tar = join(tempDir().path, 'docker.tar');
    await writeDockerArchive(store, [APP, ALSO, DOCKER], tar);
    const { Tags } = JSON.parse(await run('skopeo', 'list-tags', `docker-archive:${tar}`)) as { Tags: string[] };
    expect(Tags).toEqual([APP, ALSO, DOCKER]);
    const inspected = JSON.parse(
      await run('skopeo', 'inspect', '--config', `docker-archive:${tar}:${DOCKER}`),
    ) as object;
    expect(inspected).toMatchObject({ rootfs: { diff_ids: diffIdsOf(docker) } });
  });

  it('has the image of one platform of an index', async () => {
    const tar = join(tempDir().path, 'docker.tar');
    await writeDockerArchive(store, [MULTI], tar, { platform: parsePlatform('linux/arm64') });
    const { folder } = await skopeoCopy(`docker-archive:${tar}`);
    const copied = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Copied;
    expect(copied.config.digest).toBe(arm64.manifest.config.digest);
  });

  it('goes to a stream as well', async () => {
    const tar = join(tempDir().path, 'docker.tar');
    const stream = createWriteStream(tar);
    const size = await writeDockerArchive(store, [DOCKER], stream);
    await finished(stream.end());
    expect(statSync(tar).size).toBe(size);
    await run('skopeo', 'inspect', `docker-archive:${tar}`);
  });
});

describe('containerd', () => {
  it('imports an oci-archive: same names, same digests, and unpacks what is in it', async () => {
    const { ctr } = await startContainerd();
    const tar = join(tempDir().path, 'oci.tar');
    await writeOciArchive(store, [APP, MULTI, DOCKER], tar);
    await ctr('images', 'import', '--all-platforms', '--snapshotter', 'native', tar);
    const listed = await ctr('images', 'list');
    for (const [name, { descriptor }] of [
      [APP, amd64],
      [MULTI, multi],
      [DOCKER, docker],
    ] as const) {
      expect(listed).toMatch(new RegExp(`^${name.replaceAll('.', String.raw`\.`)} .* ${descriptor.digest} `, 'm'));
    }
    const content = await ctr('content', 'list', '--quiet');
    for (const digest of multi.blobs.keys()) expect(content).toContain(digest);
  });

  it.each(['stored', 'unpacked'] as const)('imports a docker-archive, layers %s', async (layers) => {
    const { ctr } = await startContainerd();
    const tar = join(tempDir().path, 'docker.tar');
    await writeDockerArchive(store, [APP, ALSO, DOCKER], tar, { layers });
    await ctr('images', 'import', '--snapshotter', 'native', tar);
    const names = (await ctr('images', 'list', '--quiet')).trim().split('\n');
    expect(names.toSorted()).toEqual([DOCKER, APP, ALSO].toSorted());
    const content = await ctr('content', 'list', '--quiet');
    const expected = layers === 'stored' ? amd64.manifest.layers.map(({ digest }) => digest) : diffIdsOf(amd64);
    for (const digest of [amd64.manifest.config.digest, ...expected]) expect(content).toContain(digest);
  });
});

describe('podman', () => {
  it.each(['stored', 'unpacked'] as const)('loads a docker-archive of several images, layers %s', async (layers) => {
    const podman = startPodman();
    const tar = join(tempDir().path, 'docker.tar');
    await writeDockerArchive(store, [APP, ALSO, DOCKER], tar, { layers });
    const loaded = await podman('load', '--quiet', '--input', tar);
    for (const name of [APP, ALSO, DOCKER]) expect(loaded).toContain(`Loaded image: ${name}`);
    const id = (await podman('images', '--quiet', '--no-trunc', APP)).trim();
    expect(id.split('\n')).toContain(amd64.manifest.config.digest);
  });

  it('loads an oci-archive of one image under its full name', async () => {
    const podman = startPodman();
    const tar = join(tempDir().path, 'oci.tar');
    await writeOciArchive(store, [DOCKER], tar);
    expect(await podman('load', '--quiet', '--input', tar)).toContain(`Loaded image: ${DOCKER}`);
  });
});

const isManifest =
  (digest: Digest) =>
  ({ descriptor }: { readonly descriptor: { readonly digest: Digest; readonly mediaType: string } }): boolean =>
    descriptor.digest === digest && /manifest|index/.test(descriptor.mediaType);

/** Puts an image with one layer in zstd into the store; gives its digest. */
async function zstdImage(store: ImageStore, name: string): Promise<Digest> {
  const plain = buildImage({ layers: [{ files: { z: 'std' }, compression: 'none' }] });
  const [layer, config] = plain.contents;
  if (layer === undefined || config === undefined) throw new Error('No layer');
  await writeContent(store, config.descriptor, config.bytes);
  const packed = await put(store, MEDIA_TYPES.ociLayerZstd, zstdRaw(layer.bytes));
  const manifest = await put(store, MEDIA_TYPES.ociManifest, { ...plain.manifest, layers: [packed] });
  await store.tag(name, manifest);
  return manifest.digest;
}
