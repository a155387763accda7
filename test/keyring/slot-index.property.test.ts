// Large groups of keys are split by what their keys have in common with an image: the answer stays that of comparing all.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeyring } from 'kubepull/keyring';
import { matchImage, type MatchOptions, parsePattern } from 'kubepull/match';
import { entry } from './support.ts';
import { growth } from '../support/least.ts';
import { imageNamed } from '../support/image-name.ts';

const piece = fc.constantFrom('a', 'b', 'ab', 'aa', 'ba', 'é', '\udc80', '\u{1f600}');
const glob = fc.array(fc.oneof({ weight: 3, arbitrary: piece }, fc.constant('*')), { minLength: 1, maxLength: 5 });
const odd = fc.constantFrom('?', '[ab]', '[^a]*', '\\*', '*[', '[::1]', '');
const keyLabel = fc.oneof({ weight: 8, arbitrary: glob.map((pieces) => pieces.join('')) }, odd);
const label = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''));
const path = fc.array(fc.constantFrom('/', '/a', 'a', '/ab', '/a/b', '%61'), { maxLength: 3 }).map((parts) => {
  const text = parts.join('');
  return text === '' || text.startsWith('/') ? text : `/${text}`;
});
const nameOf = (labels: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(fc.array(labels, { minLength: 1, maxLength: 3 }), fc.constantFrom('', '', '', ':80'), path)
    .map(([host, port, rest]) => host.join('.') + port + rest);
const keys = fc.oneof(
  fc.array(nameOf(keyLabel), { minLength: 9, maxLength: 60 }),
  // All of one label, and all of one host: so that one group has them all.
  fc.array(keyLabel, { minLength: 9, maxLength: 60 }),
  fc.array(path, { minLength: 9, maxLength: 60 }).map((paths) => paths.map((one) => `a.b${one}`)),
);
const options = fc.record({
  dialect: fc.constantFrom('kubelet', 'documented', 'docker', undefined),
  pathMatch: fc.constantFrom('prefix', 'segment', undefined),
}) as fc.Arbitrary<MatchOptions>;

/** The bytes of a normal form, by which keys are ordered; lone surrogates stand for bytes that are not UTF-8. */
function bytesOf(pattern: string, how: MatchOptions): Buffer {
  const characters = Array.from(parsePattern(pattern, how)?.key ?? '');
  return Buffer.concat(
    characters.map((one) => (/^[\udc80-\udcff]$/.test(one) ? Buffer.of(one.charCodeAt(0) - 0xdc00) : Buffer.from(one))),
  );
}

/** The answer of comparing every key in its order: what is tried, and what not with its reason. */
function compareAll(
  patterns: readonly string[],
  repository: string,
  how: MatchOptions,
): Readonly<Record<'tried' | 'rejected', string[]>> {
  const answer = { tried: [] as string[], rejected: [] as string[] };
  for (const pattern of patterns.toSorted((a, b) => Buffer.compare(bytesOf(b, how), bytesOf(a, how)))) {
    const result = matchImage(pattern, imageNamed(repository), how);
    if (result.matched) answer.tried.push(`${pattern} ${result.rule}`);
    else answer.rejected.push(`${pattern} ${result.reason}`);
  }
  return answer;
}

/** Those with a normal form of their own. */
function unlike(patterns: readonly string[], how: MatchOptions): readonly string[] {
  const byKey = new Map(patterns.map((pattern) => [parsePattern(pattern, how)?.key, pattern]));
  byKey.delete(undefined);
  return [...byKey.values()];
}

describe('a keyring of many similar keys', () => {
  it('tries and rejects what a comparison of every key does, in the same order', () => {
    fc.assert(
      fc.property(keys, nameOf(label), options, (all, repository, how) => {
        const patterns = unlike(all, how);
        const { candidates, rejected } = createKeyring(
          patterns.map((pattern) => entry(pattern)),
          how,
        ).lookup(imageNamed(repository));
        const want = compareAll(patterns, repository, how);
        expect(candidates.map((one) => `${one.entry.pattern} ${one.rule}`)).toEqual(want.tried);
        expect(rejected.map((one) => `${one.entry.pattern} ${one.reason}`)).toEqual(want.rejected);
      }),
    );
  });

  it.each<readonly [string, (at: number) => string, string]>([
    ['paths on one host', (at) => `r.example/team${at}x`, 'r.example/team77x/app'],
    ['labels that begin alike', (at) => `team${at}-*.example`, 'team77-x.example/app'],
    ['labels that end alike', (at) => `*-team${at}.example`, 'x-team77.example/app'],
    ['labels with the same within', (at) => `*-team${at}-*.example`, 'x-team77-y.example/app'],
    ['globs at many places', (at) => `${placesOf(at)}.u${at}.example`, `${'a.'.repeat(14)}u77.example/app`],
    ['globs of two labels', (at) => `a${at % 100}.*.b${Math.floor(at / 100)}.example`, 'a77.x.b0.example/app'],
  ])('finds one key among 10,000 as fast as among 100: %s', (_, patternOf, repository) => {
    const lookUpIn = (length: number): (() => number) => {
      const keyring = createKeyring(Array.from({ length }, (__, at) => entry(patternOf(at))));
      return () => keyring.lookup(imageNamed(repository)).candidates.length;
    };
    const [few, many] = [lookUpIn(100), lookUpIn(10_000)];
    expect([few(), many()]).toEqual([1, 1]);
    // To compare all would take a hundred times as long.
    expect(growth(10, few, many)).toBeLessThan(10);
  });
});

/** Fourteen labels, with a glob where the number has a bit. */
function placesOf(at: number): string {
  return Array.from({ length: 14 }, (_, bit) => ((at >> bit) & 1 ? '*' : 'a')).join('.');
}
