// What is plain is decided by a short path, all else by the full one: they must never tell two stories.
import fc from 'fast-check';
import { matchGlob, parsePattern } from 'kubepull/match';
import { describe, expect, it } from 'vitest';
import { matchRunes } from '../../src/match/glob.ts';
import { parseLocation, parseUrl, readTarget } from '../../src/match/parse.ts';
import urls from '../vectors/urls-match.json' with { type: 'json' };
import { anyText } from '../support/any-text.ts';

const oddPiece = fc.constantFrom(
  ...Array.from('*?[]\\^-./:@%#Aé日😀 '),
  '\udc80',
  '%41',
  '%2f',
  '\n',
  '\u007f',
  '[::1]',
);
const plainText = fc.string({ unit: fc.constantFrom(...Array.from('ab*.-/')), maxLength: 12 });
const givenText = fc.constantFrom(...urls.cases.flatMap(({ glob, target }) => [glob, target]));

/** A text of the vectors, a plain one, or any, with up to three odd pieces put in its middle. */
const text = fc
  .tuple(
    fc.oneof(plainText, givenText, anyText({ maxLength: 20 })),
    fc.array(fc.tuple(fc.nat(40), oddPiece), { maxLength: 3 }),
  )
  .map(([start, pieces]) =>
    pieces.reduce(
      (all, [at, piece]) => all.slice(0, at % (all.length + 1)) + piece + all.slice(at % (all.length + 1)),
      start,
    ),
  );

describe('the short path of the glob matcher', () => {
  it('agrees with the full matcher', () => {
    fc.assert(
      fc.property(text, text, (pattern, name) => {
        expect(matchGlob(pattern, name)).toBe(matchRunes(pattern, name));
        expect(matchGlob(name, name)).toBe(matchRunes(name, name));
      }),
    );
  });

  it('agrees with the full matcher on names that a star makes of their pattern', () => {
    const run = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\udc80'), maxLength: 3 });
    fc.assert(
      fc.property(text, fc.array(run), (pattern, runs) => {
        const name = pattern.split('*').reduce((all, part, at) => all + (runs[at] ?? 'a') + part);
        expect(matchGlob(pattern, name)).toBe(matchRunes(pattern, name));
      }),
    );
  });
});

describe('the short path of the key reader', () => {
  it('agrees with the full reader', () => {
    fc.assert(
      fc.property(text, (given) => {
        const short = parseLocation(given);
        expect(short && { host: short.host, path: short.path }).toEqual(parseUrl(given));
      }),
    );
  });

  it('reads a normal form that it takes for plain as the full reader does', () => {
    fc.assert(
      fc.property(text, (given) => {
        const target = parsePattern(given);
        if (target !== undefined) expect(target).toEqual({ ...readTarget(target.key), key: target.key });
      }),
    );
  });
});
