import fc from 'fast-check';
import { isImageError } from 'kubepull/errors';
import {
  checkMediaTypes,
  classifyLayer,
  MEDIA_TYPES,
  normalizeMediaType,
  parseImageConfig,
  parseManifest,
  type ParsedManifest,
} from 'kubepull/oci';
import { describe, expect, it } from 'vitest';
import { bytesOf, encode, entry, index, type Json, layer, manifest } from './documents.ts';

const TYPES = [...Object.values(MEDIA_TYPES), 'text/html', undefined];

function parsesOrRefuses(bytes: Uint8Array, mediaType?: string): ParsedManifest | undefined {
  try {
    return parseManifest(bytes, { mediaType });
  } catch (error) {
    if (!isImageError(error)) throw error;
    expect(error.code).toBe('ERR_REGISTRY_DOCUMENT');
    expect(error.message.length).toBeLessThan(1200);
    return undefined;
  }
}

/** A document with some of its text replaced, doubled or dropped. */
const mutated = fc
  .tuple(
    fc.constantFrom<Json>(manifest, index, { ...manifest, annotations: { a: 'b' } }),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.nat(12),
        fc.constantFrom('', '"', '{', '}', '[', ']', ',', '-1', '1e9', 'null', '"size":1', '\\'),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([document, edits]) => {
    let text = JSON.stringify(document);
    for (const [at, length, insert] of edits) {
      const place = at % text.length;
      text = text.slice(0, place) + insert + text.slice(place + length);
    }
    return encode(text);
  });

/** A document with a value replaced by any JSON value. */
const replaced = fc
  .tuple(
    fc.constantFrom<Json>(manifest, index),
    fc.constantFrom(
      'schemaVersion',
      'mediaType',
      'config',
      'layers',
      'manifests',
      'annotations',
      'artifactType',
      'Layers',
    ),
    fc.jsonValue({ maxDepth: 3 }),
  )
  .map(([document, key, value]) => bytesOf({ ...(document as object), [key]: value as Json }));

describe('parseManifest', () => {
  it('takes or refuses any mutated document with an error of ours [M08]', () => {
    fc.assert(
      fc.property(fc.oneof(mutated, replaced), fc.constantFrom(...TYPES), (bytes, mediaType) => {
        parsesOrRefuses(bytes, mediaType);
      }),
    );
  });

  it('takes or refuses any bytes with an error of ours [M08]', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(parsesOrRefuses(bytes)).toBeUndefined();
      }),
    );
  });

  it('gives back exactly what a valid document says', () => {
    const annotations = fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 });
    const sizes = fc.array(fc.maxSafeNat(), { maxLength: 5 });
    fc.assert(
      fc.property(sizes, annotations, fc.boolean(), (list, notes, isIndex) => {
        const items = list.map((size) => ({ ...((isIndex ? entry : layer) as object), size }));
        const document = {
          ...(isIndex ? { ...index, manifests: items } : { ...manifest, layers: items }),
          annotations: notes,
        };
        const parsed = parseManifest(bytesOf(document), { mediaType: document.mediaType });
        expect(parsed.kind === 'index' ? parsed.index : parsed.manifest).toEqual(document);
      }),
    );
  });

  it('reads what it has read again as the same', () => {
    fc.assert(
      fc.property(fc.oneof(mutated, replaced), (bytes) => {
        const parsed = parsesOrRefuses(bytes);
        if (parsed === undefined) return;
        const document = parsed.kind === 'index' ? parsed.index : parsed.manifest;
        expect(parseManifest(encode(JSON.stringify(document)))).toEqual(parsed);
      }),
    );
  });
});

describe('parseImageConfig', () => {
  it('takes any JSON object', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('os', 'architecture', 'variant', 'rootfs', 'created', 'x'), fc.jsonValue()),
        (value) => {
          const { platform } = parseImageConfig(encode(JSON.stringify(value)));
          expect(platform?.os).not.toBe('');
        },
      ),
    );
  });
});

describe('checkMediaTypes', () => {
  it('agrees exactly when all claims are the same type [M01]', () => {
    const claim = fc.option(fc.constantFrom('a/b', 'A/B', 'a/b; c=d', 'x/y'), { nil: undefined });
    fc.assert(
      fc.property(fc.record({ body: claim, contentType: claim, descriptor: claim }), (claims) => {
        const types = Object.values(claims)
          .filter((one) => one !== undefined)
          .map(normalizeMediaType);
        let agreed: string | undefined = 'refused';
        try {
          agreed = checkMediaTypes(claims);
        } catch (error) {
          expect(isImageError(error)).toBe(true);
        }
        expect(agreed).toBe(new Set(types).size > 1 ? 'refused' : types[0]);
      }),
    );
  });
});

describe('layerKind', () => {
  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom(...Object.values(MEDIA_TYPES))), (mediaType) => {
        const kind = classifyLayer(mediaType);
        expect(kind === undefined || ['none', 'gzip', 'zstd'].includes(kind.compression)).toBe(true);
      }),
    );
  });
});
