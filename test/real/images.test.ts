import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pullImage, type PulledImage } from 'kubepull/puller';
import { createNodeRuntime, type OciLayout, openOciLayout, writeDockerArchive, writeOciArchive } from 'kubepull/node';
import { type Descriptor, type ImageManifest, MEDIA_TYPES, parseImageManifest, type Platform } from 'kubepull/oci';
import { formatPlatform, parsePlatform } from 'kubepull/platform';
import { copyImage, readContent } from 'kubepull/store';
import { buildImage, buildIndex, type BuiltImage } from 'kubepull/testing';
import { memoryStore, put, zstdRaw } from '../node/archive/support.ts';
import { assertLayoutValid } from '../support/layout-check.ts';
import { tempDir } from '../support/temp-dir.ts';
import { fromBytes, generatedImage, type Pushable, pushContents } from './push-image.ts';
import { startRegistryServer } from './servers-registry.ts';
import { run } from './servers.ts';

const LINUX: Platform = { os: 'linux', architecture: 'amd64' };
const SIX = ['linux/amd64', 'linux/arm64/v8', 'linux/arm/v7', 'linux/386', 'linux/ppc64le', 'linux/s390x'].map((text) =>
  parsePlatform(text),
);
const motd = { files: { 'etc/motd': 'hello\n' } };

const pushable = ({ contents }: Pick<BuiltImage, 'contents'>): Pushable[] =>
  contents.map(({ descriptor, bytes }) => fromBytes(descriptor, bytes));

/** An image of each platform, that shares a layer with the others. */
const imagesOf = (platforms: readonly Platform[], mediaTypes: 'oci' | 'docker'): readonly BuiltImage[] =>
  platforms.map((platform) =>
    buildImage({ platform, mediaTypes, layers: [motd, { files: { platform: formatPlatform(platform) } }] }),
  );

interface Pulled {
  readonly name: string;
  readonly layout: OciLayout;
  readonly pulled: PulledImage;
}

/** Pushes to a registry of its own, pulls into a layout of its own. */
async function pushAndPull(contents: readonly Pushable[], platforms: readonly Platform[]): Promise<readonly Pulled[]> {
  const registry = await startRegistryServer({});
  const name = `${registry.host}/team/app:1`;
  await pushContents(registry.origin, 'team/app', '1', contents);
  const runtime = createNodeRuntime();
  onTestFinished(() => runtime.close());
  const all: Pulled[] = [];
  for (const platform of platforms) {
    const layout = await openOciLayout(join(tempDir().path, 'layout'));
    const pulled = await pullImage(name, { runtime, store: layout, platform, plainHttp: [registry.host] });
    all.push({ name, layout, pulled });
  }
  await registry.kill();
  rmSync(registry.data, { recursive: true });
  return all;
}

interface Checks {
  readonly manifest: Descriptor;
  /** Whether umoci, of 2021, reads such an image; skopeo reads all of them. */
  readonly umoci?: boolean;
  readonly dockerArchive?: boolean;
}

/** Has others look at what was pulled: as it stands in the layout, and in both kinds of archives. */
async function checkPulled({ name, layout, pulled }: Pulled, expected: Checks): Promise<void> {
  const { umoci = true, dockerArchive = true, manifest } = expected;
  expect(pulled.manifest).toMatchObject({ digest: manifest.digest, size: manifest.size });
  await assertLayoutValid(layout.directory);
  await skopeoFinds(`oci:${layout.directory}`, manifest);
  if (umoci) {
    const bundle = join(tempDir().path, 'bundle');
    await run('umoci', 'unpack', '--rootless', '--image', `${layout.directory}:${name}`, bundle);
    rmSync(bundle, { recursive: true });
  }
  const tar = join(tempDir().path, 'image.tar');
  await writeOciArchive(layout, [name], tar);
  await skopeoFinds(`oci-archive:${tar}`, manifest);
  if (!dockerArchive) return;
  await writeDockerArchive(layout, [name], tar, { platform: pulled.platform });
  const config = await run('skopeo', 'inspect', '--config', '--raw', `docker-archive:${tar}:${name}`);
  expect(sha256(config)).toBe(pulled.imageRef);
  const copy = join(tempDir().path, 'copy');
  await run('skopeo', 'copy', '--quiet', `docker-archive:${tar}:${name}`, `dir:${copy}`);
  expect(JSON.parse(readFileSync(join(copy, 'manifest.json'), 'utf8'))).toMatchObject({
    config: { digest: pulled.imageRef },
  });
  for (const path of [tar, copy]) rmSync(path, { recursive: true });
}

/** Skopeo copies all of an image, and verifies it on the way. */
async function skopeoFinds(source: string, manifest: Descriptor): Promise<void> {
  const copy = join(tempDir().path, 'copy');
  await run('skopeo', 'copy', '--quiet', '--all', source, `dir:${copy}`);
  expect(sha256(readFileSync(join(copy, 'manifest.json')))).toBe(manifest.digest);
  rmSync(copy, { recursive: true });
}

const sha256 = (bytes: Uint8Array | string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

describe('images from docker-registry', () => {
  it.each(['oci', 'docker'] as const)('a small one, in %s types', async (mediaTypes) => {
    const image = buildImage({ layers: [motd], mediaTypes });
    for (const pulled of await pushAndPull(pushable(image), [LINUX])) {
      await checkPulled(pulled, { manifest: image.descriptor, umoci: mediaTypes === 'oci' });
    }
  });

  it('one of 60 layers', async () => {
    const layers = Array.from({ length: 60 }, (_, place) => ({ files: { [`layer-${place}`]: String(place) } }));
    const image = buildImage({ layers });
    const [pulled] = await pushAndPull(pushable(image), [LINUX]);
    if (pulled === undefined) throw new Error('Nothing pulled');
    await checkPulled(pulled, { manifest: image.descriptor });
  });

  it.each([
    ['an OCI index', 'oci'],
    ['a Docker manifest list', 'docker'],
  ] as const)('each platform of %s of six', async (_, mediaTypes) => {
    const images = imagesOf(SIX, mediaTypes);
    const index = buildIndex(images, { mediaTypes, attestations: mediaTypes === 'oci' });
    const all = await pushAndPull(pushable(index), SIX);
    for (const [place, pulled] of all.entries()) {
      const image = images[place];
      if (image === undefined) throw new Error('No image');
      expect(pulled.pulled.repoDigest).toMatch(index.descriptor.digest);
      await checkPulled(pulled, { manifest: image.descriptor, umoci: mediaTypes === 'oci' });
    }
    expect(all).toHaveLength(6);
  });

  it('an index within an index', async () => {
    const images = imagesOf(SIX.slice(0, 2), 'oci');
    const nested = buildIndex([buildIndex(images), ...imagesOf(SIX.slice(5), 'oci')]);
    // The entry of the inner index has no platform, and is looked at because no other entry fits.
    const all = await pushAndPull(pushable(nested), SIX.slice(0, 2));
    for (const [place, pulled] of all.entries()) {
      await checkPulled(pulled, { manifest: images[place]?.descriptor ?? nested.descriptor });
    }
    expect(all).toHaveLength(2);
  });

  it('one with layers in zstd', async () => {
    const plain = buildImage({
      layers: [
        { files: { z: 'std' }, compression: 'none' },
        { randomBytes: 200_000, compression: 'none' },
      ],
    });
    const store = memoryStore();
    const layers: Descriptor[] = [];
    const contents: Pushable[] = [];
    for (const { descriptor, bytes } of plain.contents.slice(0, 2)) {
      const packed = zstdRaw(bytes);
      layers.push(await put(store, MEDIA_TYPES.ociLayerZstd, packed));
      contents.push(fromBytes(layers.at(-1) ?? descriptor, packed));
    }
    const config = plain.contents[2];
    if (config === undefined) throw new Error('No config');
    const bytes = Buffer.from(JSON.stringify({ ...plain.manifest, layers }));
    const manifest = {
      mediaType: MEDIA_TYPES.ociManifest,
      digest: sha256(bytes) as Descriptor['digest'],
      size: bytes.length,
    };
    const all = [...contents, fromBytes(config.descriptor, config.bytes), fromBytes(manifest, bytes)];
    const hasZstd = 'createZstdDecompress' in (await import('node:zlib'));
    for (const pulled of await pushAndPull(all, [LINUX])) {
      await checkPulled(pulled, { manifest, umoci: false, dockerArchive: hasZstd });
    }
  });

  it('an artifact', async () => {
    const store = memoryStore();
    const layerBytes = Buffer.from('a note');
    const layer = {
      ...(await put(store, 'text/plain', layerBytes)),
      annotations: { 'org.opencontainers.image.title': '../../note.txt' },
    };
    const config = await put(store, MEDIA_TYPES.ociEmpty, {});
    const mediaType = MEDIA_TYPES.ociManifest;
    const document = {
      schemaVersion: 2,
      mediaType,
      artifactType: 'application/vnd.example.note',
      config,
      layers: [layer],
    };
    const bytes = Buffer.from(JSON.stringify(document));
    const manifest = { mediaType, digest: sha256(bytes) as Descriptor['digest'], size: bytes.length };
    const contents = [fromBytes(layer, layerBytes), fromBytes(config, Buffer.from('{}')), fromBytes(manifest, bytes)];
    for (const pulled of await pushAndPull(contents, [LINUX])) {
      await checkPulled(pulled, { manifest, umoci: false, dockerArchive: false });
    }
  });

  it('one of 1 GiB in 8 layers, in little memory', async ({ annotate }) => {
    const { contents, manifest } = generatedImage(8, 128 * 1024 * 1024);
    const memory = watchMemory();
    const [pulled] = await pushAndPull(contents, [LINUX]);
    if (pulled === undefined) throw new Error('Nothing pulled');
    const pulling = memory.peak();
    await checkPulled(pulled, { manifest });
    const other = await openOciLayout(join(tempDir().path, 'copy'));
    await copyImage(pulled.layout, pulled.name, other);
    await assertLayoutValid(other.directory);
    const copied = parseImageManifest(await readContent(other, manifest, { maxBytes: 1e6 })) satisfies ImageManifest;
    expect(copied.layers).toHaveLength(8);
    await annotate(`grew by ${pulling} MiB while pushing and pulling, by ${memory.peak()} MiB in all`);
    expect(pulling).toBeLessThan(256);
  }, 600_000);
});

/** The most that this process has grown by since now, in MiB. */
function watchMemory(): { peak: () => number } {
  const start = process.memoryUsage.rss();
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss() - start);
  }, 20);
  onTestFinished(() => clearInterval(timer));
  return { peak: () => Math.round(most / 1024 / 1024) };
}
