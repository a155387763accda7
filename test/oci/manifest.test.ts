import { isImageError } from 'kubepull/errors';
import { MEDIA_TYPES, parseImageIndex, parseImageManifest, parseManifest } from 'kubepull/oci';
import { describe, expect, it } from 'vitest';
import { bytesOf, config, DIGEST, encode, entry, index, type Json, layer, manifest } from './documents.ts';

const { ociIndex, ociManifest, dockerManifest, dockerManifestList } = MEDIA_TYPES;

function refusal(bytes: Uint8Array, mediaType?: string): string {
  try {
    parseManifest(bytes, { mediaType });
  } catch (error) {
    if (isImageError(error) && error.code === 'ERR_REGISTRY_DOCUMENT') return error.message;
    throw error;
  }
  return 'taken';
}

describe('parseManifest', () => {
  it('reads a manifest', () => {
    expect(parseManifest(bytesOf(manifest), { mediaType: ociManifest })).toEqual({ kind: 'manifest', manifest });
  });

  it('reads an index', () => {
    expect(parseManifest(bytesOf(index), { mediaType: ociIndex })).toEqual({ kind: 'index', index });
  });

  it('reads Docker documents', () => {
    const list = { ...index, mediaType: dockerManifestList };
    expect(parseManifest(bytesOf(list))).toEqual({ kind: 'index', index: list });
    const docker = { ...manifest, mediaType: dockerManifest };
    expect(parseManifest(bytesOf(docker))).toEqual({ kind: 'manifest', manifest: docker });
  });

  it('keeps annotations, artifact types and platforms, and passes over what it does not know', () => {
    const document = {
      ...manifest,
      artifactType: 'application/x',
      annotations: { b: '1', a: '2' },
      subject: entry,
      extra: { deep: [1, null, true] },
    };
    const { artifactType, annotations } = parseImageManifest(bytesOf(document));
    expect({ artifactType, annotations }).toEqual({ artifactType: 'application/x', annotations: { b: '1', a: '2' } });
    const platform = { os: 'windows', architecture: 'amd64', variant: 'v1', 'os.version': '1', 'os.features': ['a'] };
    const list = {
      ...index,
      manifests: [{ ...(entry as object), platform, artifactType: 'a/b', urls: ['u'] } as Json],
    };
    expect(parseImageIndex(bytesOf(list)).manifests[0]).toMatchObject({ platform, artifactType: 'a/b', urls: ['u'] });
  });

  it('takes null for missing, as Go does', () => {
    const document = { ...manifest, annotations: null, artifactType: null, manifests: null };
    expect(parseImageManifest(bytesOf(document))).toEqual(manifest);
  });

  it('reads names that a platform lacks as empty, as Go does', () => {
    const list = { ...index, manifests: [{ ...(entry as object), platform: {} } as Json] };
    expect(parseImageIndex(bytesOf(list)).manifests[0]?.platform).toEqual({ os: '', architecture: '' });
  });

  it('lets a document leave its media type out, where its fields show what it is', () => {
    const { mediaType: _m, ...bareManifest } = manifest;
    const { mediaType: _i, ...bareIndex } = index;
    expect(parseManifest(bytesOf(bareManifest)).kind).toBe('manifest');
    expect(parseManifest(bytesOf(bareIndex)).kind).toBe('index');
    expect(parseImageIndex(bytesOf(bareIndex)).mediaType).toBe(ociIndex);
    expect(parseImageManifest(bytesOf(bareManifest), { mediaType: ociManifest }).mediaType).toBe(ociManifest);
    expect(parseImageManifest(bytesOf(bareManifest), { mediaType: dockerManifest }).mediaType).toBe(dockerManifest);
    expect(parseImageIndex(bytesOf(bareIndex), { mediaType: dockerManifestList }).mediaType).toBe(dockerManifestList);
    expect(refusal(bytesOf({ ...bareManifest, mediaType: '' }), dockerManifest)).toBe('taken');
    expect(refusal(bytesOf(bareManifest), dockerManifestList)).toContain('config must not be in an index');
    expect(refusal(bytesOf(bareIndex), dockerManifest)).toContain('manifests must not be in a manifest');
  });
});

describe('parseImageIndex and parseImageManifest', () => {
  it('refuse the other kind', () => {
    expect(() => parseImageIndex(bytesOf(manifest))).toThrow('Cannot read image index: it is an image manifest');
    expect(() => parseImageManifest(bytesOf(index))).toThrow('Cannot read image manifest: it is an image index');
  });
});

describe('parseManifest on what Go’s tools leave out or write as null', () => {
  const { layers: _l, ...bare } = manifest;
  const { schemaVersion: _v, ...versionless } = manifest;
  const configOf = (mediaType?: null | ''): Json => ({ ...(config as object), mediaType }) as Json;
  const layerWith = (more: object): Json => [{ ...(layer as object), ...more }];

  it.each([
    ['layers missing', bare, { layers: [] }],
    ['layers null', { ...bare, layers: null }, { layers: [] }],
    ['schemaVersion missing', versionless, { schemaVersion: 2 }],
    ['schemaVersion null', { ...versionless, schemaVersion: null }, { schemaVersion: 2 }],
    ['annotations null', { ...manifest, annotations: null }, { schemaVersion: 2 }],
    ['an annotation null', { ...manifest, annotations: { a: null, b: 'b' } }, { annotations: { a: '', b: 'b' } }],
    ['config.mediaType empty', { ...manifest, config: configOf('') }, { config: { mediaType: '' } }],
    ['config.mediaType null', { ...manifest, config: configOf(null) }, { config: { mediaType: '' } }],
    ['config.mediaType missing', { ...manifest, config: configOf() }, { config: { mediaType: '' } }],
    ['urls null', { ...manifest, layers: layerWith({ urls: null }) }, { layers: [layer] }],
  ])('reads a manifest with %s', (_what, document, expected) => {
    expect(parseImageManifest(encode(JSON.stringify(document)))).toMatchObject(expected);
  });

  it.each([
    ['manifests null', { ...index, manifests: null }, { manifests: [] }],
    ['schemaVersion missing', { ...index, schemaVersion: undefined }, { manifests: [entry] }],
    [
      'a platform without words',
      { ...index, manifests: [{ ...(entry as object), platform: { os: null } }] },
      { schemaVersion: 2 },
    ],
  ])('reads an index with %s', (_what, document, expected) => {
    expect(parseImageIndex(encode(JSON.stringify(document)))).toMatchObject(expected);
  });

  it('refuses what shows by no field what it is', () => {
    expect(refusal(bytesOf({ layers: [] }))).toBe('Cannot read manifest: schemaVersion is missing');
    expect(refusal(bytesOf({ schemaVersion: 2, mediaType: ociIndex }))).toContain('manifests is missing');
    expect(refusal(bytesOf({ schemaVersion: 2, layers: [] }))).toContain('config is missing');
    expect(refusal(bytesOf({ ...manifest, layers: layerWith({ mediaType: '' }) }))).toContain('layers[0].mediaType');
  });
});

describe('parseManifest on documents with two meanings', () => {
  const types = [undefined, ociManifest, ociIndex, dockerManifest, dockerManifestList] as const;
  const bodies: Readonly<Record<string, { readonly [key: string]: Json }>> = {
    manifest: { config, layers: [layer] },
    index: { manifests: [entry] },
    both: { config, layers: [layer], manifests: [entry] },
    'index with config': { config, manifests: [entry] },
    'index with layers': { layers: [], manifests: [entry] },
    'manifest with fsLayers': { config, layers: [layer], fsLayers: [] },
    neither: {},
  };
  const structures = { manifest: [ociManifest, dockerManifest], index: [ociIndex, dockerManifestList] };

  it('takes exactly those of 175 whose types agree with each other and with the only structure [M01]', () => {
    let seen = 0;
    for (const [name, body] of Object.entries(bodies)) {
      for (const own of types) {
        for (const announced of types) {
          seen += 1;
          const document = { schemaVersion: 2, ...(own === undefined ? {} : { mediaType: own }), ...body };
          const type = announced ?? own;
          const agree = own === undefined || announced === undefined || own === announced;
          const fits = Object.entries(structures).some(
            ([structure, fitting]) => structure === name && (type === undefined || fitting.some((one) => one === type)),
          );
          const want = agree && fits;
          expect([name, own, announced, refusal(bytesOf(document), announced) === 'taken']).toEqual([
            name,
            own,
            announced,
            want,
          ]);
        }
      }
    }
    expect(seen).toBe(175);
  });

  it('says which field makes it ambiguous [M01]', () => {
    const document = { ...manifest, manifests: [] };
    expect(refusal(bytesOf(document))).toBe(
      'Cannot read manifest: manifests must not be in a manifest: readers could take it for another document',
    );
  });
});

describe('parseManifest on what is no manifest', () => {
  it.each([
    ['Cannot read manifest: it is empty', ''],
    ["Cannot read manifest: it is not JSON: invalid character '<' looking for beginning of value, at byte 0", '<html>'],
    ['Cannot read manifest: it is not JSON: unexpected end of JSON input, at byte 1', '{'],
    ['Cannot read manifest: it must be an object, not an array', '[]'],
    ['Cannot read manifest: it must be an object, not null', 'null'],
    ['Cannot read manifest: it must be an object, not 5', '5'],
    ['Cannot read manifest: it must be an object, not "x"', '"x"'],
    ['Cannot read manifest: it must be an object, not true', 'true'],
    ['after top-level value', `${JSON.stringify(manifest)} x`],
    ['after top-level value', JSON.stringify(manifest).repeat(2)],
    ['looking for beginning of value, at byte 0', `\ufeff${JSON.stringify(manifest)}`],
    ['is not JSON', `${JSON.stringify(manifest)}\u0000`],
    ['is not JSON', '{"schemaVersion":2,}'],
    ['is not JSON', "{'schemaVersion':2}"],
    ['is not JSON', '{"schemaVersion":2 /* two */}'],
    ['is not JSON', '{"schemaVersion":NaN}'],
    ['is not JSON', '{"schemaVersion":02}'],
    ['is not JSON', '{"mediaType":"a\nb"}'],
    ['Cannot read manifest: schemaVersion is missing', '{}'],
    ['Cannot read manifest: schemaVersion must be 2, not 3', '{"schemaVersion":3}'],
    ['Cannot read manifest: schemaVersion must be a whole number', '{"schemaVersion":"2"}'],
    ['Cannot read manifest: config is missing', '{"schemaVersion":2}'],
    ['Cannot read manifest: mediaType must be a string, not 5', '{"schemaVersion":2,"mediaType":5}'],
    ['it is "text/html", which is neither a manifest nor an index', '{"schemaVersion":2,"mediaType":"text/html"}'],
  ])('%s [M08]', (message, text) => {
    expect(refusal(encode(text))).toContain(message);
  });

  it('refuses bytes that are not UTF-8 [M08]', () => {
    for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80], [0xe2, 0x82]]) {
      const bytes = Uint8Array.from([...encode('{"a":"'), ...bad, ...encode('"}')]);
      expect(refusal(bytes)).toBe('Cannot read manifest: it is not UTF-8');
    }
  });

  it('refuses other media types before it looks at the bytes [M09]', () => {
    const page = encode('<!doctype html><title>Log in</title>');
    expect(refusal(page, 'text/html; charset=utf-8')).toBe(
      'Cannot read manifest: it is "text/html", which is neither a manifest nor an index',
    );
    expect(refusal(bytesOf(manifest), 'application/json')).toContain('"application/json", which is neither');
    expect(refusal(bytesOf(manifest), '')).toContain('"", which is neither');
  });

  it.each([
    ['by its media type', bytesOf(manifest), 'application/vnd.docker.distribution.manifest.v1+prettyjws'],
    ['by its media type', bytesOf(manifest), 'application/vnd.docker.distribution.manifest.v1+json'],
    ['by its version', bytesOf({ schemaVersion: 1, name: 'a', tag: 'b' }), undefined],
    ['by its layers', bytesOf({ schemaVersion: 2, fsLayers: [], history: [] }), ociManifest],
  ])('refuses Docker schema 1, known %s [M09]', (_how, bytes, mediaType) => {
    expect(refusal(bytes, mediaType)).toMatch(/it is Docker schema 1, which is not supported; push the image again/);
  });
});

describe('parseManifest on duplicate keys', () => {
  const text = JSON.stringify(manifest);
  const list = JSON.stringify(index);

  it.each([
    ['layers occurs twice', text.replace('"layers":', '"layers":[],"layers":')],
    ['config occurs twice', text.replace('"config":', '"config":null,"config":')],
    ['mediaType occurs twice', text.replace('"mediaType":', '"mediaType":"a/b","mediaType":')],
    ['schemaVersion occurs twice', text.replace('{', '{"schemaVersion":2,')],
    ['manifests occurs twice', list.replace('"manifests":', '"manifests":[],"manifests":')],
    ['layers is written "Layers"', text.replace('"layers"', '"Layers"')],
    ['layers is written "LAYERS"', text.replace('{', '{"LAYERS":[],')],
    ['layers is written "layerſ"', text.replace('{', '{"layerſ":[],')],
    ['fsLayers is written "fslayers"', text.replace('{', '{"fslayers":[],')],
    ['manifests is written "Manifests"', text.replace('{', '{"Manifests":[],')],
    ['config.digest occurs twice', text.replace('"digest":', `"digest":"${DIGEST}","digest":`)],
    ['config.size is written "Size"', text.replace('"size":2', '"size":2,"Size":3')],
    [
      'config.size is written "\\u0053ize"'.replace('\\u0053', 'S'),
      text.replace('"size":2', String.raw`"size":2,"\u0053ize":3`),
    ],
    ['layers[1].mediaType occurs twice', text.replace(/"mediaType"(?!.*"mediaType")/, '"mediaType":"a/b","mediaType"')],
    ['manifests[0].platform.os is written "OS"', list.replace('"os"', '"OS"')],
    [
      'manifests[0].platform.architecture occurs twice',
      list.replace('"architecture"', '"architecture":"x","architecture"'),
    ],
    ['manifests[0].platform.os.version is written "Os.Version"', list.replace('"os"', '"Os.Version":"","os"')],
    ['config.data occurs twice', text.replace('"size":2', '"size":2,"data":"","data":""')],
    ['annotations["a"] occurs twice', text.replace('{', '{"annotations":{"a":"1","a":"2"},')],
    ['config.annotations["a"] occurs twice', text.replace('"size":2', '"size":2,"annotations":{"a":"1","a":"2"}')],
  ])('%s [M07]', (message, document) => {
    expect(refusal(encode(document))).toContain(`Cannot read manifest: ${message}`);
  });

  it('takes annotations that differ in case, and unknown keys that occur twice [M07]', () => {
    const document = text.replace('{', '{"x":1,"x":2,"X":3,"annotations":{"a":"1","A":"2"},');
    expect(parseImageManifest(encode(document)).annotations).toEqual({ a: '1', A: '2' });
  });
});
