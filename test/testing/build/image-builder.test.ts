import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ImageIndex, ImageManifest } from 'kubepull/oci';
import { buildImage, buildIndex, type BuiltImage, type BuiltIndex } from 'kubepull/testing';
import { readTar } from './read-tar.ts';

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const json = (bytes: Uint8Array | undefined): unknown => JSON.parse(Buffer.from(bytes ?? []).toString());

const arm64 = { os: 'linux', architecture: 'arm64', variant: 'v8' } as const;
const sample = (): BuiltImage =>
  buildImage({
    platform: arm64,
    layers: [
      { files: { 'etc/motd': 'hello\n', 'etc/ssl/empty': '', 'bin/tool': Uint8Array.from([0, 1, 255]) } },
      { randomBytes: 200_000, seed: 'a' },
      { files: { plain: 'x' }, compression: 'none' },
    ],
    config: { Env: ['A=b'] },
    annotations: { 'org.example.note': 'n' },
  });

/** What a puller does: every descriptor that is reachable must name bytes that are there. */
function walk(built: BuiltImage | BuiltIndex): readonly string[] {
  const seen: string[] = [];
  const left = [built.descriptor];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const bytes = built.blobs.get(next.digest);
    expect(bytes?.length).toBe(next.size);
    expect(sha256(bytes ?? new Uint8Array())).toBe(next.digest);
    seen.push(next.digest);
    if (!/\.(index|manifest)\.|manifest\.list/.test(next.mediaType)) continue;
    const document = json(bytes) as Partial<ImageIndex & ImageManifest>;
    expect(document.mediaType).toBe(next.mediaType);
    left.push(...(document.manifests ?? []), ...(document.layers ?? []));
    if (document.config !== undefined) left.push(document.config);
  }
  return seen;
}

describe('buildImage', () => {
  it('names every byte by its digest and size, from the manifest down', () => {
    const image = sample();
    expect(new Set(walk(image))).toEqual(new Set(image.blobs.keys()));
    expect(image.contents.at(-1)?.descriptor.digest).toBe(image.descriptor.digest);
    expect(json(image.contents.at(-1)?.bytes)).toEqual(image.manifest);
    expect(image.descriptor.platform).toEqual(arm64);
  });

  it('writes layers that unpack to the files, with their directories', () => {
    const { manifest, blobs } = sample();
    const tar = gunzipSync(blobs.get(manifest.layers[0]!.digest) ?? '');
    expect(readTar(tar).map(({ path, type, mode, size }) => [path, type, mode, size])).toEqual([
      ['etc/', '5', 0o755, 0],
      ['etc/motd', '0', 0o644, 6],
      ['etc/ssl/', '5', 0o755, 0],
      ['etc/ssl/empty', '0', 0o644, 0],
      ['bin/', '5', 0o755, 0],
      ['bin/tool', '0', 0o644, 3],
    ]);
    expect(readTar(tar).map(({ content }) => [...content])).toContainEqual([0, 1, 255]);
  });

  it('lists the digests of the unpacked layers in the config', () => {
    const { manifest, blobs } = sample();
    const config = json(blobs.get(manifest.config.digest));
    const archives = manifest.layers.map(({ digest, mediaType }) => {
      const bytes = blobs.get(digest) ?? new Uint8Array();
      return mediaType.endsWith('gzip') ? gunzipSync(bytes) : bytes;
    });
    expect(config).toMatchObject({ ...arm64, config: { Env: ['A=b'] }, rootfs: { type: 'layers' } });
    expect(config).toHaveProperty('rootfs.diff_ids', archives.map(sha256));
    expect(manifest.layers[2]?.mediaType).toBe('application/vnd.oci.image.layer.v1.tar');
  });

  it('gives equal bytes for equal options, for ever', () => {
    expect([...sample().blobs.keys()]).toEqual([...sample().blobs.keys()]);
    // The same on every system and release of Node; a change here changes the digests of users' test images.
    expect(sample().descriptor.digest).toBe('sha256:1f5efabd640cd7943c9bbcfabdb78e15fe08270e3dc31487ba49b5a1bdc4eab9');
  });

  it('makes random layers of the size asked for, different by seed and by place', () => {
    const { manifest } = buildImage({
      layers: [
        { randomBytes: 100_000 },
        { randomBytes: 100_000 },
        { randomBytes: 100_000, seed: 's' },
        { randomBytes: 100_000, seed: 's' },
        { randomBytes: 0 },
      ],
    });
    const [a, b, c, d] = manifest.layers;
    expect(new Set([a?.digest, b?.digest, c?.digest]).size).toBe(3);
    expect(c).toEqual(d);
    for (const layer of manifest.layers.slice(0, 4)) expect(layer.size).toBeGreaterThan(100_000);
    for (const layer of manifest.layers) expect(layer.size).toBeLessThan(103_000);
  });

  it('does not compress', () => {
    const { manifest } = buildImage({ layers: [{ randomBytes: 1_000_000, compression: 'none' }] });
    const image = buildImage({ layers: [{ randomBytes: 1_000_000 }] });
    expect(image.manifest.layers[0]!.size).toBeGreaterThan(manifest.layers[0]!.size);
  });

  it('uses the media types of Docker when asked', () => {
    const { manifest, descriptor } = buildImage({ layers: [{ files: {} }], mediaTypes: 'docker' });
    expect(descriptor.mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json');
    expect(manifest.config.mediaType).toBe('application/vnd.docker.container.image.v1+json');
    expect(manifest.layers[0]?.mediaType).toBe('application/vnd.docker.image.rootfs.diff.tar.gzip');
  });

  it.each(['', '/etc/motd', '../up', 'a/../b', 'a//b', './a', 'a/', 'a\0b'])('refuses the path %j', (path) => {
    expect(() => buildImage({ layers: [{ files: { [path]: 'x' } }] })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
    );
  });

  it('splits a long path and refuses one that ustar cannot hold', () => {
    const [outer, inner] = ['d'.repeat(99), `${'d'.repeat(99)}/${'e'.repeat(55)}`];
    const fits = `${inner}/${'f'.repeat(100)}`;
    const { manifest, blobs } = buildImage({ layers: [{ files: { [fits]: 'x' }, compression: 'none' }] });
    const entries = readTar(blobs.get(manifest.layers[0]!.digest) ?? new Uint8Array());
    expect(entries.map(({ path }) => path)).toEqual([`${outer}/`, `${inner}/`, fits]);
    for (const path of ['f'.repeat(101), `${'d'.repeat(156)}/f`, 'é'.repeat(51)]) {
      expect(() => buildImage({ layers: [{ files: { [path]: 'x' } }] })).toThrow('too long');
    }
  });

  it.each([-1, 1.5, Number.NaN, Infinity])('refuses %d random bytes', (randomBytes) => {
    expect(() => buildImage({ layers: [{ randomBytes }] })).toThrow('randomBytes must be a whole number from 0');
  });

  it('refuses annotations on a Docker manifest', () => {
    expect(() => buildImage({ layers: [], mediaTypes: 'docker', annotations: {} })).toThrow('no annotations');
  });
});

describe('buildIndex', () => {
  const images = [{ os: 'linux', architecture: 'amd64' }, arm64].map((platform) =>
    buildImage({ platform, layers: [{ files: { shared: 'x' } }] }),
  );

  it('lists the images by platform, and holds their contents once', () => {
    const built = buildIndex(images);
    expect(built.index.manifests).toEqual(images.map(({ descriptor }) => descriptor));
    expect(new Set(walk(built))).toEqual(new Set(built.blobs.keys()));
    expect(built.contents.length).toBe(built.blobs.size);
    expect(built.descriptor.mediaType).toBe('application/vnd.oci.image.index.v1+json');
  });

  it('adds attestations as BuildKit does', () => {
    const built = buildIndex(images, { attestations: true });
    expect(built.index.manifests.map(({ platform }) => platform?.architecture)).toEqual([
      'amd64',
      'arm64',
      'unknown',
      'unknown',
    ]);
    expect(built.index.manifests[3]?.annotations).toEqual({
      'vnd.docker.reference.digest': images[1]?.descriptor.digest,
      'vnd.docker.reference.type': 'attestation-manifest',
    });
    expect(new Set(walk(built))).toEqual(new Set(built.blobs.keys()));
  });

  it('nests', () => {
    const built = buildIndex([buildIndex(images), ...images], { annotations: { a: 'b' } });
    expect(built.index.manifests[0]?.mediaType).toBe('application/vnd.oci.image.index.v1+json');
    expect(built.index.annotations).toEqual({ a: 'b' });
    expect(new Set(walk(built))).toEqual(new Set(built.blobs.keys()));
  });

  it('makes a Docker manifest list, without annotations', () => {
    const { descriptor } = buildIndex(images, { mediaTypes: 'docker' });
    expect(descriptor.mediaType).toBe('application/vnd.docker.distribution.manifest.list.v2+json');
    expect(() => buildIndex(images, { mediaTypes: 'docker', annotations: {} })).toThrow('no annotations');
  });
});
