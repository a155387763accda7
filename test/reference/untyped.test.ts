// What a caller without types can pass.
import { describe, expect, it } from 'vitest';
import {
  applyDefaultTag,
  joinDigest,
  parseAnyReference,
  parseImageName,
  parseRawName,
  parseRawReference,
  parseReference,
  type ReferenceInput,
  safeParseReference,
  stripArchSuffix,
  trimReference,
  withDigest,
  withTag,
} from 'kubepull/reference';

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

  it('is no success of safeParseReference', () => {
    expect(safeParseReference(bad).ok).toBe(false);
  });

  it('is neither a tag nor a digest', () => {
    expect(() => withTag('nginx', bad)).toThrow(refusal);
    expect(() => withDigest('nginx', bad)).toThrow(refusal);
    expect(() => joinDigest('nginx', bad)).toThrow(refusal);
  });
});
