// What is usual is read in one step, all else by the full reader: they must never tell two stories.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readUnusual, readUsual } from '../../src/reference/read.ts';
import { REFERENCES } from '../../bench/inputs.mjs';
import imageNames from '../vectors/image-name.json' with { type: 'json' };
import references from '../vectors/reference.json' with { type: 'json' };
import { anyReference } from './arbitraries.ts';

const given = [...references.cases, ...imageNames.cases].map((vector) => vector.in);

function disagrees(text: string): boolean {
  const usual = readUsual(text);
  return usual !== undefined && JSON.stringify(usual) !== JSON.stringify(readUnusual(text));
}

describe('the reader of usual references', () => {
  it('agrees with the full reader on what it reads', () => {
    const twisted = fc
      .tuple(fc.constantFrom(...given, ...REFERENCES), fc.nat(), fc.nat({ max: 2 }), anyReference)
      .map(([text, at, take, put]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + put.slice(0, take) + text.slice(place + take);
      });
    fc.assert(
      fc.property(fc.oneof(anyReference, twisted), (text) => {
        if (disagrees(text)) throw new Error(`does not hold for ${JSON.stringify(text)}`);
      }),
    );
  });

  it('agrees with it on every vector, at every length of a path, and on names that only look usual', () => {
    const lengths = Array.from({ length: 300 }, (_, length) => `quay.io/${'a'.repeat(length)}`);
    const odd = [
      'a'.repeat(64),
      `${'a'.repeat(64)}:1`,
      `x/${'a'.repeat(64)}`,
      'localhost',
      'localhost/app',
      'localhost:5000/app',
      'localhosts/app',
      'mylocalhost/app',
      'index.example/app',
      'index.docker.io/app',
      'docker.io/app',
      'docker.io/team/app',
      'under_score.example/app',
      'under_score/app.1',
      'a.b',
      'a:5000/b',
      'a:5000',
      `a:${'t'.repeat(128)}`,
      `a:${'t'.repeat(129)}`,
    ];
    expect([...given, ...lengths, ...odd].filter(disagrees)).toEqual([]);
  });

  it('reads every usual reference', () => {
    expect(REFERENCES.filter((text) => readUsual(text) === undefined)).toEqual([]);
  });
});
