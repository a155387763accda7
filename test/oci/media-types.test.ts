import {
  ACCEPTED_MANIFEST_TYPES,
  checkMediaTypes,
  isImageConfigMediaType,
  isIndexMediaType,
  isManifestMediaType,
  classifyLayer,
  MEDIA_TYPES,
  normalizeMediaType,
} from 'kubepull/oci';
import { describe, expect, it } from 'vitest';

describe('media type predicates', () => {
  it('tell indexes, manifests and configs apart', () => {
    const types = Object.values(MEDIA_TYPES);
    expect(types.filter(isIndexMediaType)).toEqual([MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerManifestList]);
    expect(types.filter(isManifestMediaType)).toEqual([MEDIA_TYPES.ociManifest, MEDIA_TYPES.dockerManifest]);
    expect(types.filter(isImageConfigMediaType)).toEqual([MEDIA_TYPES.ociConfig, MEDIA_TYPES.dockerConfig]);
  });

  it('cover all that is asked for', () => {
    expect(ACCEPTED_MANIFEST_TYPES.every((type) => isIndexMediaType(type) || isManifestMediaType(type))).toBe(true);
    expect(new Set(ACCEPTED_MANIFEST_TYPES).size).toBe(4);
  });
});

describe('normalizeMediaType', () => {
  it.each([
    ['Text/HTML; charset=utf-8', 'text/html'],
    [' application/json ;x', 'application/json'],
    ['', ''],
  ])('%j is %j', (value, want) => {
    expect(normalizeMediaType(value)).toBe(want);
  });
});

describe('layerKind', () => {
  it.each([
    ['application/vnd.oci.image.layer.v1.tar', 'none', true],
    ['application/vnd.oci.image.layer.v1.tar+gzip', 'gzip', true],
    ['application/vnd.oci.image.layer.v1.tar+zstd', 'zstd', true],
    ['application/vnd.oci.image.layer.nondistributable.v1.tar', 'none', false],
    ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', 'gzip', false],
    ['application/vnd.docker.image.rootfs.diff.tar', 'none', true],
    ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'gzip', true],
    ['application/vnd.docker.image.rootfs.diff.tar.zstd', 'zstd', true],
    ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'gzip', false],
  ] as const)('%s: %s, distributable %s', (mediaType, compression, distributable) => {
    expect(classifyLayer(mediaType)).toEqual({ compression, distributable });
  });

  it.each([MEDIA_TYPES.ociConfig, 'application/vnd.in-toto+json', 'x/oci.image.layer.v1.tar', ''])(
    'is undefined for %j',
    (mediaType) => {
      expect(classifyLayer(mediaType)).toBeUndefined();
    },
  );
});

describe('checkMediaTypes', () => {
  const { ociIndex, ociManifest } = MEDIA_TYPES;

  it('gives what all agree on, parameters and case apart', () => {
    expect(checkMediaTypes({})).toBeUndefined();
    expect(checkMediaTypes({ body: ociIndex })).toBe(ociIndex);
    expect(
      checkMediaTypes({
        body: ociIndex,
        contentType: `${ociIndex.toUpperCase()}; charset=utf-8`,
        descriptor: ociIndex,
      }),
    ).toBe(ociIndex);
  });

  it.each([
    [{ body: ociIndex, contentType: ociManifest }, 'its mediaType', 'the Content-Type'],
    [{ body: ociIndex, descriptor: ociManifest }, 'its mediaType', 'its descriptor'],
    [{ contentType: ociIndex, descriptor: ociManifest }, 'the Content-Type', 'its descriptor'],
    [{ body: ociIndex, contentType: ociIndex, descriptor: ociManifest }, 'its mediaType', 'its descriptor'],
  ])('refuses %j [M01]', (claims, first, second) => {
    expect(() => checkMediaTypes(claims)).toThrow(
      expect.objectContaining({
        code: 'ERR_REGISTRY_DOCUMENT',
        message: `Cannot read manifest: it is "${ociIndex}" by ${first}, but "${ociManifest}" by ${second}`,
      }),
    );
  });

  it('quotes no more than 256 characters of each', () => {
    const claims = { body: 'a'.repeat(9000), contentType: 'b'.repeat(9000) };
    expect(() => checkMediaTypes(claims)).toThrow(/^.{0,700}$/);
  });
});
