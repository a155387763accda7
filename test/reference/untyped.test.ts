// What a caller without types can pass.
import { describe, expect, it } from 'vitest';
import {
  applyDefaultTag,
  compareReferences,
  formatReference,
  type ImageReference,
  joinDigest,
  parseAnyReference,
  parseImageName,
  parseRawName,
  parseRawReference,
  parseReference,
  type ReferenceInput,
  safeParseReference,
  sortReferences,
  stripArchSuffix,
  trimReference,
  withArchSuffix,
  withDigest,
  withTag,
} from 'kubepull/reference';
import { imageNameText } from '../../src/reference/format.ts';

const refusal = expect.objectContaining({ code: 'ERR_OPTION_INVALID' }) as Error;

describe.each([undefined, null, 5, {}, { name: 'docker.io/library/nginx' }])(
  'a reference that is none: %j',
  (value) => {
    const bad = value as ReferenceInput;

    it.each<readonly [string, () => unknown]>([
      ['trimReference', () => trimReference(bad)],
      ['withTag', () => withTag(bad, 'v1')],
      ['joinDigest', () => joinDigest(bad, `sha256:${'a'.repeat(64)}`)],
      ['stripArchSuffix', () => stripArchSuffix(bad)],
    ])('does not become the name undefined/undefined by %s', (_, act) => {
      expect(act).toThrow(refusal);
    });
  },
);

describe.each([undefined, null, 5, {}, ['nginx']])('an image that is no text: %j', (value) => {
  const bad = value as string;
  const invalid = expect.objectContaining({ code: 'ERR_REFERENCE_INVALID', input: '' }) as Error;

  it.each([
    ['parseReference', parseReference],
    ['parseAnyReference', parseAnyReference],
    ['parseRawReference', parseRawReference],
    ['parseRawName', parseRawName],
    ['parseImageName', parseImageName],
    ['applyDefaultTag', applyDefaultTag],
  ])('is refused like an empty one by %s', (_, parse) => {
    expect(() => parse(bad)).toThrow(invalid);
  });

  it('has kubelet’s text for an empty one', () => {
    expect(() => applyDefaultTag(bad)).toThrow(
      expect.objectContaining({ upstream: 'couldn\'t parse image name "": invalid reference format' }),
    );
  });

  it('is no success of safeParseReference', () => {
    expect(safeParseReference(bad).ok).toBe(false);
  });

  it('is neither a tag nor a digest', () => {
    expect(() => withTag('nginx', bad)).toThrow(refusal);
    expect(() => withDigest('nginx', bad)).toThrow(refusal);
    expect(() => joinDigest('nginx', bad)).toThrow(refusal);
  });
});

describe.each([undefined, null, 'nginx', {}, { domain: 'quay.io' }, { path: 'app' }])(
  'a parsed name that is none: %j',
  (value) => {
    it('is refused where keys are looked up, with what to pass instead', () => {
      expect(() => imageNameText(value as unknown as ImageReference)).toThrow(
        expect.objectContaining({
          code: 'ERR_OPTION_INVALID',
          message:
            'Cannot look up credentials: the image must be a parsed name; pass parseImageName(image) instead of its text',
        }),
      );
    });
  },
);

describe('what is wrong, and what it must be, is said by', () => {
  const nginx = parseReference('nginx');
  const aReference = 'a reference, such as parseReference() gives';
  const five = 5 as never;

  it.each<readonly [string, () => unknown, string]>([
    ['withTag', () => withTag(five, '1'), `Cannot derive a reference: ref must be ${aReference}, not 5`],
    ['withTag of a tag', () => withTag('nginx', five), 'Cannot derive a reference: the tag must be text'],
    ['withDigest of a digest', () => withDigest('nginx', five), 'Cannot derive a reference: the digest must be text'],
    ['formatReference', () => formatReference(five), `Cannot format a reference: ref must be ${aReference}, not 5`],
    [
      'formatReference of a form',
      () => formatReference(nginx, 'short' as 'familiar'),
      'Cannot format a reference: form must be "canonical" or "familiar", not "short"',
    ],
    [
      'compareReferences',
      () => compareReferences(five, nginx),
      `Cannot compare references: a must be ${aReference}, not 5`,
    ],
    [
      'compareReferences of the second',
      () => compareReferences(nginx, {} as ImageReference),
      `Cannot compare references: b must be ${aReference}, not an object`,
    ],
    ['sortReferences', () => sortReferences('nginx'), 'Cannot sort references: references must be a list, not a text'],
    [
      'sortReferences of one',
      () => sortReferences(['a', five]),
      'Cannot sort references: reference must be a text, not 5',
    ],
    ['withArchSuffix', () => withArchSuffix('nginx', five), 'Cannot add an architecture: arch must be a text, not 5'],
    [
      'stripArchSuffix',
      () => stripArchSuffix('nginx', 'amd64' as never),
      'Cannot strip an architecture: architectures must be a list, not a text',
    ],
    [
      'stripArchSuffix of one',
      () => stripArchSuffix('nginx', ['arm', five]),
      'Cannot strip an architecture: architectures[1] must be a text, not 5',
    ],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID', message }));
  });
});
