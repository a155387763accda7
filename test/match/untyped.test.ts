// What a caller without types can pass.
import { describe, expect, it } from 'vitest';
import { globMatch, matchImage, matchImages, normalizeKey, parseImage, parsePattern } from 'kubepull/match';

const refusal = expect.objectContaining({ code: 'ERR_OPTION_INVALID' }) as Error;

describe.each([undefined, null, 5, {}, ['r.example']])('a pattern or image that is no text: %j', (value) => {
  const bad = value as string;

  it.each<readonly [string, () => unknown]>([
    ['globMatch, pattern', () => globMatch(bad, 'a')],
    ['globMatch, name', () => globMatch('a', bad)],
    ['matchImage, pattern', () => matchImage(bad, 'r.example/app')],
    ['matchImage, image', () => matchImage('r.example', bad)],
    ['matchImages, pattern', () => matchImages([bad], 'r.example/app')],
    ['matchImages, image', () => matchImages(['r.example'], bad)],
    ['normalizeKey', () => normalizeKey(bad)],
    ['parsePattern', () => parsePattern(bad, { dialect: 'documented' })],
    ['parseImage', () => parseImage(bad)],
  ])('is refused by %s', (_, act) => {
    expect(act).toThrow(refusal);
  });
});
