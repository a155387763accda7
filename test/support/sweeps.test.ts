import { expect, it } from 'vitest';
import { chooseEvenly, placesOf, randomFrom, SEED_VARIABLE, sweepOf } from './sweeps.ts';

const all = Array.from({ length: 97 }, (_, at) => at);

it('chooses one of each stretch, in order, and each only once', () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const chosen = chooseEvenly(all, 10, seed);
    expect(chosen).toHaveLength(10);
    chosen.forEach((place, at) => {
      expect(place).toBeGreaterThanOrEqual(Math.floor(at * 9.7));
      expect(place).toBeLessThan(Math.floor((at + 1) * 9.7));
    });
  }
});

it('chooses the same for the same seed, and in the end everything', () => {
  expect(chooseEvenly(all, 10, 7)).toEqual(chooseEvenly(all, 10, 7));
  const seen = new Set(Array.from({ length: 300 }, (_, seed) => chooseEvenly(all, 10, seed)).flat());
  expect(seen.size).toBe(all.length);
});

it('gives all of it when all is asked for', () => {
  expect(chooseEvenly(all, all.length, 3)).toEqual(all);
  expect(sweepOf([], 10)).toEqual([]);
  expect(sweepOf(all, 1000)).toEqual(all);
});

it('goes through everything where CI is set, and by the seed of the run elsewhere', () => {
  expect(process.env[SEED_VARIABLE]).toMatch(/^\d+$/);
  expect(placesOf(97, 10)).toHaveLength(process.env['CI'] === undefined ? 10 : 97);
  expect(placesOf(97, 10)).toEqual(placesOf(97, 10));
});

it('draws numbers from 0 to below 1 that lie over all of it', () => {
  const random = randomFrom(1);
  const tenths = new Set(Array.from({ length: 1000 }, () => Math.floor(random() * 10)));
  expect([...tenths].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
