// What is plain is decided by a short path, all else by the full one: they must never tell two stories.
import fc from 'fast-check';
import { matchGlob, parsePattern } from 'kubepull/match';
import { describe, expect, it } from 'vitest';
import { matchRunes } from '../../src/match/glob.ts';
import { matchAny } from '../../src/match/match.ts';
import { parseLocation, parseUrl, readTarget } from '../../src/match/parse.ts';
import { matchUsual } from '../../src/match/usual.ts';
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

  it.each([
    '',
    'foo.com',
    '*.foo.com',
    'foo.com:',
    'foo.com:5000',
    'foo.com/',
    'foo.com/team/app',
    'foo.com:80/v2/a_b',
  ])('is the way of the usual key %j', (given) => {
    expect(parseLocation(given)?.isPlain).toBe(true);
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

describe('the short path of the matcher of keys and images', () => {
  function disagrees(key: string, domain: string, path: string): boolean {
    const rule = matchUsual(key, { domain, path });
    const full = matchAny(key, { domain, path }, {});
    return rule !== undefined && !(full.matched && full.rule === rule);
  }

  it('agrees with the full matcher where it says that a key matches', () => {
    fc.assert(
      fc.property(text, text, text, (key, domain, path) => {
        expect(disagrees(key, domain, path)).toBe(false);
        // The image itself as a key, and a part of it.
        expect(disagrees(domain, domain, path)).toBe(false);
        expect(disagrees(`${domain}/${path.slice(0, 3)}`, domain, path)).toBe(false);
      }),
    );
  });

  it('agrees with it on keys that are made of the labels of an image and of stars', () => {
    const label = fc.constantFrom('a', 'ab', '*', 'a*', '**', '', 'v1', '-', '_', 'é', '%41', 'http:');
    const labels = fc.array(label, { minLength: 1, maxLength: 4 });
    const end = fc.constantFrom('', '/', '/v1', '/v1/', '/v2/a', '/a', '/a/', '/*', ':80', ':');
    fc.assert(
      fc.property(labels, fc.array(fc.boolean()), end, end, (host, stars, keyEnd, imageEnd) => {
        const key = host.map((one, at) => (stars[at] === true ? '*' : one)).join('.') + keyEnd;
        expect(disagrees(key, host.join('.'), imageEnd.slice(1))).toBe(false);
        expect(disagrees(key, host.join('.') + imageEnd, 'v2/a/b')).toBe(false);
      }),
    );
  });

  it('agrees with it on every pair of the vectors', () => {
    const bad = urls.cases.filter(({ glob, target }) => {
      const slash = target.indexOf('/');
      return slash >= 0 && disagrees(glob, target.slice(0, slash), target.slice(slash + 1));
    });
    expect(bad).toEqual([]);
  });

  it('is the way of the keys of the large registries', () => {
    const ecr = { domain: '123456789012.dkr.ecr.us-east-1.amazonaws.com', path: 'team/app' };
    expect(matchUsual('*.dkr.ecr.*.amazonaws.com', ecr)).toBe('glob');
    expect(matchUsual('*.dkr.ecr.*.amazonaws.com/team', ecr)).toBe('glob');
    expect(matchUsual('k8s.*', { domain: 'k8s.io', path: 'app' })).toBe('glob');
    expect(matchUsual('gcr.io', { domain: 'gcr.io', path: 'app' })).toBe('literal');
    expect(matchUsual('gcr.io/v1/', { domain: 'gcr.io', path: 'v1/app' })).toBeUndefined();
  });
});
