import fc from 'fast-check';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import {
  annotateIndex,
  createIndex,
  type Descriptor,
  decodeEmbeddedContent,
  encodeManifest,
  type IndexEntryChange,
  MEDIA_TYPES,
  parseImageIndex,
} from 'kubepull/oci';
import { describe, expect, it } from 'vitest';

/** Each reads and writes a document. */
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 });
const platform = fc
  .record(
    {
      os: name,
      architecture: name,
      variant: name,
      'os.version': name,
      'os.features': fc.array(name, { maxLength: 3 }),
    },
    { requiredKeys: ['os', 'architecture'] },
  )
  .map((value) => ({ ...value }));
const annotations = fc.dictionary(fc.oneof(name, fc.constant('__proto__')), fc.string(), { maxKeys: 3 });
const descriptor = fc
  .record({ content: fc.uint8Array({ minLength: 1, maxLength: 2 }), platform, docker: fc.boolean() })
  .map(({ content, platform, docker }): Descriptor => ({
    mediaType: docker ? MEDIA_TYPES.dockerManifest : MEDIA_TYPES.ociManifest,
    digest: computeDigest(content, nodeHasher),
    size: content.length,
    platform,
  }));
const entries = fc.array(descriptor, { minLength: 1, maxLength: 6 });

describe('createIndex', () => {
  it('makes an index that reads back as the same [M01]', () => {
    fc.assert(
      fc.property(entries, (manifests) => {
        const index = createIndex(manifests);
        expect(parseImageIndex(encodeManifest(index), { mediaType: index.mediaType })).toEqual(index);
      }),
    );
  });

  it('has every digest once, as it was given last, and is made of its own entries again', () => {
    fc.assert(
      fc.property(entries, (manifests) => {
        const index = createIndex(manifests);
        const lasts = new Map(manifests.map((entry) => [entry.digest, entry]));
        expect(index.manifests).toEqual([...lasts.values()]);
        expect(createIndex(index.manifests)).toEqual(index);
      }),
    );
  });
});

const change: fc.Arbitrary<IndexEntryChange> = fc.record(
  {
    os: name,
    architecture: name,
    variant: name,
    osVersion: name,
    osFeatures: fc.array(name, { maxLength: 3 }),
    annotations,
  },
  { requiredKeys: [] },
);

describe('annotateIndex', () => {
  it('changes one entry, the same the second time, into what reads back as the same [C01]', () => {
    fc.assert(
      fc.property(entries, change, fc.nat(), (manifests, said, at) => {
        const index = createIndex(manifests, { mediaType: MEDIA_TYPES.ociIndex });
        const place = at % index.manifests.length;
        const { digest } = index.manifests[place] as Descriptor;
        const once = annotateIndex(index, digest, said);
        expect(annotateIndex(once, digest, said)).toEqual(once);
        expect(once.manifests.toSpliced(place, 1)).toEqual(index.manifests.toSpliced(place, 1));
        expect(parseImageIndex(encodeManifest(once))).toEqual(once);
      }),
    );
  });
});

describe('embeddedContent', () => {
  const content = fc.uint8Array({ maxLength: 12 });
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

  it('gives the content of the digest or nothing, whatever the data is [M11]', () => {
    fc.assert(
      fc.property(content, fc.oneof(fc.string(), fc.base64String(), content.map(base64)), (bytes, data) => {
        const named = { mediaType: 'a/b', digest: computeDigest(bytes, nodeHasher), size: bytes.length };
        const given = decodeEmbeddedContent({ ...named, data }, nodeHasher);
        expect(given === undefined || Buffer.compare(given, bytes) === 0).toBe(true);
        expect(decodeEmbeddedContent({ ...named, data: base64(bytes) }, nodeHasher)).toEqual(bytes);
      }),
    );
  });
});
