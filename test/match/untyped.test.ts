// What a caller without types can pass.
import { describe, expect, it } from 'vitest';
import { matchGlob, matchImage, matchImages, normalizeKey, parsePattern, toTarget } from 'kubepull/match';
import { type ImageName, parseImageName } from 'kubepull/reference';

const refusal = expect.objectContaining({ code: 'ERR_OPTION_INVALID' }) as Error;

describe.each([undefined, null, 5, {}, ['r.example']])('a pattern that is not text: %j', (value) => {
  const bad = value as string;

  it.each<readonly [string, () => unknown]>([
    ['globMatch, pattern', () => matchGlob(bad, 'a')],
    ['globMatch, name', () => matchGlob('a', bad)],
    ['matchImage, pattern', () => matchImage(bad, parseImageName('r.example/app'))],
    ['matchImages, pattern', () => matchImages([bad], parseImageName('r.example/app'))],
    ['normalizeKey', () => normalizeKey(bad)],
    ['parsePattern', () => parsePattern(bad, { dialect: 'documented' })],
  ])('is refused by %s', (_, act) => {
    expect(act).toThrow(refusal);
  });
});

describe.each([undefined, null, 5, {}, 'r.example/app:1', { domain: 'r.example' }])(
  'an image that is not a parsed name: %j',
  (value) => {
    const bad = value as ImageName;

    it.each<readonly [string, () => unknown]>([
      ['matchImage', () => matchImage('r.example', bad)],
      ['matchImages', () => matchImages([], bad)],
      ['toTarget', () => toTarget(bad)],
    ])('is refused by %s with what to pass', (_, act) => {
      expect(act).toThrow(refusal);
      expect(act).toThrow(/parseImageName\(image\)/);
    });
  },
);
