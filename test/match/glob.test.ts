import { matchGlob } from 'kubepull/match';
import { describe, expect, it } from 'vitest';
import { growth } from '../support/least.ts';

/** Patterns with up to 30 stars, and names of up to 255 bytes on which every star is tried at every place. */
function hostilePairs(length: number): readonly (readonly [pattern: string, name: string])[] {
  const pieces = ['a', '?', '[a]', '[^b]', '\\a', 'aa', 'é', '[é-日]', '[a-z]', '??'];
  const names = ['a', 'é', '日', 'a', 'aé'].map((unit) => unit.repeat(Math.floor(length / Buffer.byteLength(unit))));
  names[3] = `${'a'.repeat(length - 1)}b`;
  const pairs: (readonly [string, string])[] = [];
  for (const piece of pieces) {
    for (const name of names) {
      for (const stars of [1, 2, 7, 15, 22, 30]) {
        const width = Math.max(1, Math.floor(length / (stars * piece.length)));
        pairs.push([`${`*${piece.repeat(width)}`.repeat(stars)}!`.slice(-length), name]);
      }
    }
  }
  return pairs;
}

describe('globMatch', () => {
  it('answers 300 hostile patterns in time that grows with the product of the two lengths [C02]', () => {
    const [short, long] = [hostilePairs(51), hostilePairs(255)];
    expect(long).toHaveLength(300);
    // Five times as long: 25 times the steps.
    const slow = long.filter(([pattern, name], at) => {
      const [shortPattern = '', shortName = ''] = short[at] ?? [];
      const [small, large] = [() => matchGlob(shortPattern, shortName), () => matchGlob(pattern, name)];
      return growth(100, small, large) >= 100;
    });
    expect(slow).toEqual([]);
  });

  it('answers the pattern that takes picomatch seconds [C02]', () => {
    expect(matchGlob(`${'*a'.repeat(30)}*b`, 'a'.repeat(255))).toBe('no-match');
    expect(matchGlob(`${'*a'.repeat(30)}*b`, `${'a'.repeat(255)}b`)).toBe('match');
  });

  it.each([
    ['*', '', 'match'],
    ['*', 'a/b', 'no-match'],
    ['a[/]b', 'a/b', 'match'],
    ['[a-c]', 'b', 'match'],
    ['[^a]', 'a', 'no-match'],
    ['[!a]', '!', 'match'],
    ['[c-a]', 'b', 'no-match'],
    ['[', '[', 'bad-pattern'],
    ['\\', '\\', 'bad-pattern'],
    ['\\*', '*', 'match'],
    ['?', '😀', 'match'],
    ['[😀]', '😀', 'match'],
    ['(a)', '(a)', 'match'],
    ['{a,b}', 'a', 'no-match'],
    ['!a', 'b', 'no-match'],
    ['[[:alpha:]]', 'a]', 'match'],
    ['[\\]]', ']', 'match'],
    ['[]a]', 'a', 'bad-pattern'],
    ['a', 'A', 'no-match'],
    ['a?b', 'a/b', 'no-match'],
    ['[a]', '[', 'no-match'],
    ['[a]', ']', 'no-match'],
    ['[^a]', '^', 'match'],
    ['[\0]', '\0', 'match'],
  ] as const)('%j against %j: %s [C03]', (pattern, name, want) => {
    expect(matchGlob(pattern, name)).toBe(want);
  });

  it('finds a fault behind a mismatch of the same part, not behind a later star [C03]', () => {
    expect(matchGlob('ab[', 'x')).toBe('bad-pattern');
    expect(matchGlob('a*[', 'x')).toBe('no-match');
    expect(matchGlob('a*b*[', 'ab')).toBe('bad-pattern');
    expect(matchGlob('*b*[', 'ab')).toBe('bad-pattern');
  });

  it('takes the first place where a part matches, as Go does, also when a class eats a slash there [C03]', () => {
    expect(matchGlob('*[^a]', 'b/')).toBe('match');
    expect(matchGlob('*[^a]*', 'b/')).toBe('no-match');
  });

  it('lets a star end within a character, as Go does [C03]', () => {
    expect(matchGlob('?', '日')).toBe('match');
    expect(matchGlob('*??', '日')).toBe('match');
    expect(matchGlob('*???', '日')).toBe('no-match');
  });

  it.each([
    ['\u007f', 1],
    ['\u0080', 2],
    ['\u07ff', 2],
    ['\u0800', 3],
    ['\uffff', 3],
    ['\u{10000}', 4],
    ['\u{10ffff}', 4],
  ] as const)('lets a star take %j byte by byte, of which there are %j', (name, bytes) => {
    // The star takes the first byte, and each of the others is what Go reads where there is no UTF-8.
    const rest = '[\ufffd]'.repeat(bytes - 1);
    expect(matchGlob(`*${rest}a`, `${name}a`)).toBe('match');
    expect(matchGlob(`*[\ufffd]${rest}a`, `${name}a`)).toBe('no-match');
  });

  it('takes a byte within a character for no other character', () => {
    expect(matchGlob('*[\u0001]', 'é')).toBe('no-match');
    expect(matchGlob('*\udc80', '💀')).toBe('no-match');
  });

  it('takes a byte that is not UTF-8 for one character, and refuses it in a class', () => {
    expect(matchGlob('?', '\udcff')).toBe('match');
    expect(matchGlob('??', '\udcff')).toBe('no-match');
    expect(matchGlob('[\udcff]', '\udcff')).toBe('bad-pattern');
    expect(matchGlob('[\ufffd]', '\udcff')).toBe('match');
    expect(matchGlob('*??', '\udc80')).toBe('no-match');
    expect(matchGlob('[\ufffd]', '\udc80')).toBe('match');
  });
});
