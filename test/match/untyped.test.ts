// What a caller without types can pass.
import { describe, expect, it } from 'vitest';
import {
  matchGlob,
  matchImage,
  matchImages,
  type MatchOptions,
  matchTarget,
  normalizeKey,
  type ParsedTarget,
  parsePattern,
  toTarget,
} from 'kubepull/match';
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
    expect(act).toThrow('Cannot match images: patterns must be text');
  });
});

describe.each([null, 5, 'docker', [], () => undefined])('options that are no object: %j', (value) => {
  const bad = value as MatchOptions;

  it.each<readonly [string, () => unknown]>([
    ['matchImage', () => matchImage('r.example', parseImageName('r.example/app'), bad)],
    ['matchImages', () => matchImages([], parseImageName('r.example/app'), bad)],
    ['normalizeKey', () => normalizeKey('r.example', bad)],
    ['parsePattern', () => parsePattern('r.example', bad)],
    ['toTarget', () => toTarget(parseImageName('r.example/app'), bad)],
  ])('are refused by %s', (_, act) => {
    expect(act).toThrow(refusal);
    expect(act).toThrow('Cannot match images: options must be an object');
  });
});

describe.each([undefined, null, 5, {}, 'r.example'])('patterns that are no list: %j', (value) => {
  it('are refused by matchImages, a text too', () => {
    const act = (): unknown => matchImages(value as readonly string[], parseImageName('r.example/app'));
    expect(act).toThrow(refusal);
    expect(act).toThrow('Cannot match images: patterns must be a list');
  });
});

const TARGET = { key: 'r.example', labels: ['r', 'example'], port: '', path: '', literal: true };

describe.each([
  undefined,
  null,
  5,
  'r.example',
  {},
  { ...TARGET, key: undefined },
  { ...TARGET, port: 5000 },
  { ...TARGET, path: null },
  { ...TARGET, labels: 'r.example' },
  { ...TARGET, literal: 'yes' },
])('a target that is not parsed: %j', (value) => {
  const bad = value as ParsedTarget;

  it.each<readonly [string, () => unknown]>([
    ['pattern', () => matchTarget(bad, TARGET)],
    ['image', () => matchTarget(TARGET, bad)],
  ])('is refused by matchTarget as %s', (_, act) => {
    expect(act).toThrow(refusal);
    expect(act).toThrow('Cannot match images: targets must be parsed');
  });
});

describe.each([undefined, null, 5, {}, 'r.example/app:1', { domain: 'r.example' }, { path: 'app' }])(
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
