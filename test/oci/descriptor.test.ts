import { isImageError } from 'kubepull/errors';
import { parseDescriptor, parseImageIndex, parseImageManifest } from 'kubepull/oci';
import { describe, expect, it } from 'vitest';
import { bytesOf, config, DIGEST, encode, entry, index, type Json, layer, manifest } from './documents.ts';

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isImageError(error) && error.code === 'ERR_REGISTRY_DOCUMENT') return error.message;
    throw error;
  }
  return 'taken';
}

/** The same descriptor, with one member replaced by raw JSON. */
function withMember(descriptor: Json, key: string, raw: string): string {
  return JSON.stringify({ ...(descriptor as object), [key]: 'MEMBER' }).replace('"MEMBER"', raw);
}

/** A descriptor's text in each place where one may stand. */
const PLACES: readonly (readonly [path: string, wrap: (descriptor: string) => string])[] = [
  ['config', (text) => JSON.stringify({ ...manifest, config: 'HERE' }).replace('"HERE"', text)],
  ['layers[1]', (text) => JSON.stringify({ ...manifest, layers: [layer, 'HERE'] }).replace('"HERE"', text)],
  ['manifests[0]', (text) => JSON.stringify({ ...index, manifests: ['HERE'] }).replace('"HERE"', text)],
];

const BAD_SIZES = [
  '-1',
  '-0',
  '1.5',
  '2.0',
  '1e3',
  '1e400',
  '9007199254740992',
  '9007199254740993',
  '99999999999999999999',
  '"2"',
  'true',
  '[]',
  '{}',
] as const;

describe('parseDescriptor', () => {
  it('reads a descriptor alone', () => {
    expect(parseDescriptor(bytesOf(entry))).toEqual(entry);
    expect(refusal(() => parseDescriptor(bytesOf({ digest: DIGEST })))).toBe(
      'Cannot read descriptor: mediaType is missing',
    );
  });

  it('takes every exact size', () => {
    for (const size of [0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      expect(parseDescriptor(bytesOf({ ...(config as object), size })).size).toBe(size);
    }
  });

  it('keeps embedded data as it is written, and passes over what is no text [M11]', () => {
    const withData = { ...(config as object), data: 'ZXZpbA==' } as Json;
    expect(parseDescriptor(bytesOf(withData))).toEqual(withData);
    for (const data of [5, null, [1], {}, true])
      expect(parseDescriptor(bytesOf({ ...(config as object), data }))).toEqual(config);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', 'valueOf', '__defineGetter__'])(
    'takes %j for an ordinary name of an annotation, and passes over a field of that name [C01]',
    (name) => {
      const annotations = `{"${name}":"x","a":"b"}`;
      const parsed = parseDescriptor(encode(withMember(config, 'annotations', annotations)));
      expect(Object.entries(parsed.annotations ?? {})).toEqual([
        [name, 'x'],
        ['a', 'b'],
      ]);
      expect(Object.getPrototypeOf(parsed.annotations)).toBe(Object.prototype);
      expect(parseDescriptor(encode(JSON.stringify(config).replace('{', `{"${name}":{"size":9},`)))).toEqual(config);
    },
  );

  it.each([
    ['annotations', '5', 'annotations must be an object, not 5'],
    ['annotations', '{"a":5}', 'annotations["a"] must be a string, not 5'],
    ['annotations', '{"a\\nb":[]}', 'annotations["a\\x0ab"] must be a string, not an array'],
    ['urls', '"u"', 'urls must be an array, not "u"'],
    ['urls', '["u",{}]', 'urls[1] must be a string, not an object'],
    ['mediaType', '""', 'mediaType must be a media type, not ""'],
    ['mediaType', '"text"', 'mediaType must be a media type, not "text"'],
    ['mediaType', '"text/html; charset=utf-8"', 'mediaType must be a media type, not "text/html; charset=utf-8"'],
    ['mediaType', '"a/b\\r\\nc"', 'mediaType must be a media type, not "a/b\\x0d\\x0ac"'],
    ['artifactType', '5', 'artifactType must be a string, not 5'],
    ['platform', '"linux/amd64"', 'platform must be an object, not "linux/amd64"'],
    ['platform', '{"os":5}', 'platform.os must be a string, not 5'],
    ['platform', '{"os.features":"a"}', 'platform.os.features must be an array, not "a"'],
  ])('refuses %s %s', (key, raw, message) => {
    expect(refusal(() => parseDescriptor(encode(withMember(config, key, raw))))).toBe(
      `Cannot read descriptor: ${message}`,
    );
  });
});

describe('sizes and digests in manifests', () => {
  const parse = (text: string): unknown =>
    text.includes('"manifests"') ? parseImageIndex(encode(text)) : parseImageManifest(encode(text));

  it.each(PLACES)('refuses every inexact size in %s, and says where [M05]', (path, wrap) => {
    for (const raw of BAD_SIZES) {
      const message = refusal(() => parse(wrap(withMember(config, 'size', raw))));
      expect(message).toMatch(
        /^Cannot read manifest: \S+\.size must be a whole number from 0 to 9007199254740991, not /,
      );
      expect(message).toContain(`${path}.size`);
    }
    const { size: _, ...sizeless } = config as { readonly size: number };
    expect(refusal(() => parse(wrap(JSON.stringify(sizeless))))).toBe(`Cannot read manifest: ${path}.size is missing`);
    expect(refusal(() => parse(wrap(withMember(config, 'size', 'null'))))).toContain('.size is missing');
  });

  it.each(PLACES)('refuses every malformed digest in %s [C09]', (path, wrap) => {
    const hex = 'a'.repeat(64);
    const bad = [
      '',
      'sha256:',
      'sha256:abc',
      `SHA256:${hex}`,
      `sha256:${hex.toUpperCase()}`,
      `sha256:${hex}a`,
      `sha256:${hex.slice(1)}`,
      `md5:${'a'.repeat(32)}`,
      `sha1:${'a'.repeat(40)}`,
      `sha512:${hex}`,
      `sha256:../../../etc/passwd`,
      `sha256+b64:${hex}`,
      `sha256:${hex}\n`,
      ` sha256:${hex}`,
      hex,
      `sha256-${hex}`,
      `sha256:${hex}:${hex}`,
      `sha256:sha256:${hex}`,
      `toString:${hex}`,
      `__proto__:${hex}`,
    ];
    for (const digest of bad) {
      const message = refusal(() => parse(wrap(withMember(config, 'digest', JSON.stringify(digest)))));
      expect(message).toContain(`Cannot read manifest: ${path}.digest must be a full sha256, sha384 or sha512 digest`);
    }
    for (const raw of ['5', '[]', '{}', 'true']) {
      expect(refusal(() => parse(wrap(withMember(config, 'digest', raw))))).toContain(
        `${path}.digest must be a string`,
      );
    }
    expect(refusal(() => parse(wrap(withMember(config, 'digest', `"sha512:${hex}${hex}"`))))).toBe('taken');
  });

  it.each(PLACES)('quotes no more than 256 characters of a hostile value in %s', (path, wrap) => {
    const long = 'x'.repeat(100_000);
    const texts = [`"${long}"`, '9'.repeat(100_000), `{"${long}":1}`, `["${long}"]`];
    for (const raw of texts) {
      const message = refusal(() => parse(wrap(withMember(config, 'digest', raw))));
      expect(message).toContain(path);
      expect(message.length).toBeLessThan(450);
      expect(message).not.toContain('x'.repeat(257));
    }
  });
});
