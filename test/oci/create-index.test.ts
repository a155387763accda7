import { describe, expect, it } from 'vitest';
import { type Digest, computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import {
  annotateIndex,
  createIndex,
  type CreateIndexOptions,
  type Descriptor,
  encodeManifest,
  MEDIA_TYPES,
  parseImageIndex,
} from 'kubepull/oci';

const named = (text: string): Digest => computeDigest(new TextEncoder().encode(text), nodeHasher);
const entry = (text: string, change: Partial<Descriptor> = {}): Descriptor => ({
  mediaType: MEDIA_TYPES.ociManifest,
  digest: named(text),
  size: 500,
  platform: { os: 'linux', architecture: text },
  ...change,
});
const docker = (text: string, change: Partial<Descriptor> = {}): Descriptor =>
  entry(text, { mediaType: MEDIA_TYPES.dockerManifest, ...change });
const optionError = (message: string): object => ({ code: 'ERR_OPTION_INVALID', message });

describe('createIndex', () => {
  it('makes an OCI index in the order of the entries, which reads back as it is', () => {
    const index = createIndex([entry('arm64'), docker('amd64')], { annotations: { a: 'b' }, artifactType: 'text/x' });
    expect(index).toEqual({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociIndex,
      artifactType: 'text/x',
      manifests: [entry('arm64'), docker('amd64')],
      annotations: { a: 'b' },
    });
    expect(parseImageIndex(encodeManifest(index))).toEqual(index);
  });

  it('makes a Docker manifest list of Docker manifests, with the bytes that Docker pushes but for white space', () => {
    const index = createIndex([docker('amd64')]);
    expect(new TextDecoder().decode(encodeManifest(index))).toBe(
      `{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[` +
        `{"mediaType":"application/vnd.docker.distribution.manifest.v2+json","digest":"${named('amd64')}","size":500,` +
        `"platform":{"os":"linux","architecture":"amd64"}}]}`,
    );
    expect(createIndex([docker('amd64')], { mediaType: MEDIA_TYPES.ociIndex }).mediaType).toBe(MEDIA_TYPES.ociIndex);
  });

  it('keeps a subject, and leaves embedded content out of it and of the entries', () => {
    const subject = { mediaType: MEDIA_TYPES.ociManifest, digest: named('s'), size: 1 };
    const index = createIndex([entry('amd64', { data: 'AAAA' })], { subject: { ...subject, data: 'AA==' } });
    expect(parseImageIndex(encodeManifest(index))).toEqual({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociIndex,
      manifests: [entry('amd64')],
      subject,
    });
  });

  it('amends: of two entries with the same digest the later stands where the earlier stood', () => {
    const first = createIndex([entry('amd64'), entry('arm64')]);
    const better = entry('amd64', { annotations: { a: 'b' } });
    expect(createIndex([...first.manifests, better]).manifests).toEqual([better, entry('arm64')]);
  });

  it('takes an index in an OCI index, and an entry without platform', () => {
    const nested = entry('x', { mediaType: MEDIA_TYPES.dockerManifestList, platform: undefined });
    expect(createIndex([nested, entry('amd64')]).manifests).toHaveLength(2);
  });

  it.each<[string, readonly Descriptor[], CreateIndexOptions]>([
    ['it has no entries', [], {}],
    ['it has 1025 entries, more than 1024', Array.from({ length: 1025 }, (_, at) => entry(String(at))), {}],
    [
      `entry "${named('a')}" is "text/plain", which is neither a manifest nor an index`,
      [entry('a', { mediaType: 'text/plain' })],
      {},
    ],
    ['its media type cannot be "text/plain"', [entry('a')], { mediaType: 'text/plain' } as object],
    [
      `entry "${named('a')}" is an index, which a manifest list cannot hold`,
      [docker('a', { mediaType: MEDIA_TYPES.dockerManifestList })],
      {},
    ],
    [`entry "${named('a')}" does not say its os and architecture`, [docker('a', { platform: undefined })], {}],
    [
      `entry "${named('a')}" does not say its os and architecture`,
      [docker('a', { platform: { os: '', architecture: 'amd64' } })],
      {},
    ],
    [
      `entry "${named('a')}" does not say its os and architecture`,
      [docker('a', { platform: { os: 'linux', architecture: '' } })],
      {},
    ],
    ['a Docker manifest list has no annotations', [docker('a')], { annotations: {} }],
    ['a Docker manifest list has no artifactType', [docker('a')], { artifactType: 'a/b' }],
    ['a Docker manifest list has no subject', [docker('a')], { subject: entry('b') }],
  ])('says that %s', (reason, entries, options) => {
    expect(() => createIndex(entries, options)).toThrow(
      expect.objectContaining(optionError(`Cannot create an index: ${reason}`)) as Error,
    );
  });
});

describe('annotateIndex', () => {
  const index = createIndex([docker('amd64'), docker('arm')]);

  it('says anew what an entry is for, and leaves the rest as it is', () => {
    const changed = annotateIndex(index, named('arm'), {
      os: 'windows',
      architecture: 'arm64',
      variant: 'v8',
      osVersion: '10.0',
      osFeatures: ['win32k'],
    });
    expect(changed.manifests).toEqual([
      docker('amd64'),
      docker('arm', {
        platform: {
          os: 'windows',
          architecture: 'arm64',
          variant: 'v8',
          'os.version': '10.0',
          'os.features': ['win32k'],
        },
      }),
    ]);
    expect(index.manifests[1]).toEqual(docker('arm'));
  });

  it('adds features, each once, and changes nothing for what is left out or empty', () => {
    const once = annotateIndex(index, named('arm'), { osFeatures: ['a', 'b', 'a'] });
    const twice = annotateIndex(once, named('arm'), { osFeatures: ['b', 'c'], os: '', variant: undefined });
    expect(twice.manifests[1]?.platform).toEqual({ os: 'linux', architecture: 'arm', 'os.features': ['a', 'b', 'c'] });
    expect(annotateIndex(index, named('arm'), {})).toEqual(index);
  });

  it('annotates entries of an OCI index, also those without platform', () => {
    const oci = createIndex([entry('a', { platform: undefined, annotations: { a: '1', b: '1' } })]);
    const changed = annotateIndex(oci, named('a'), { annotations: { b: '2' } });
    expect(changed.manifests).toEqual([entry('a', { platform: undefined, annotations: { a: '1', b: '2' } })]);
    expect(annotateIndex(oci, named('a'), { os: 'linux', architecture: 'arm' }).manifests[0]?.platform).toEqual({
      os: 'linux',
      architecture: 'arm',
    });
  });

  it.each([
    [named('x'), {}, 'the index has no such entry'],
    [named('arm'), { annotations: {} }, 'a Docker manifest list has no annotations'],
  ])('refuses %s with %j: %s', (digest, change, reason) => {
    expect(() => annotateIndex(index, digest, change)).toThrow(
      expect.objectContaining(optionError(`Cannot annotate "${digest}": ${reason}`)) as Error,
    );
  });

  it('makes no half of a platform', () => {
    const oci = createIndex([entry('a', { platform: undefined })]);
    expect(() => annotateIndex(oci, named('a'), { variant: 'v8' })).toThrow(
      'its platform needs an os and an architecture',
    );
  });
});

describe('encodeManifest', () => {
  it('makes nothing that no registry takes', () => {
    const index = createIndex([entry('a')], { annotations: { a: 'x'.repeat(4 * 1024 * 1024) } });
    expect(() => encodeManifest(index)).toThrow('Cannot encode a manifest: it has 4194612 bytes, more than 4194304');
    expect(encodeManifest(index, { limits: { maxBytes: 5_000_000 } })).toHaveLength(4_194_612);
  });
});
