// Globs and credential keys against images, on the inputs of the vectors, beside hostile ones.
import { matchGlob, matchImage, matchImages, normalizeKey } from 'kubepull/match';
import { parseImageName } from 'kubepull/reference';
import { bench, describe } from 'vitest';
import { readInputs } from './inputs.ts';

const globs = readInputs('glob.json', ['pattern', 'name']);
const keys = readInputs('urls-match.json', ['glob', 'target']);

describe('globMatch', () => {
  bench('one star', () => void matchGlob('*.example', 'registry.example'));
  bench('30 stars over 255 characters', () => void matchGlob('*a'.repeat(30).concat('b'), 'a'.repeat(255)));
  bench(`${globs.length} pairs of the vectors`, () => {
    for (const [pattern = '', name = ''] of globs) matchGlob(pattern, name);
  });
});

describe('matchImage', () => {
  bench('a literal key', () => void matchImage('registry.example/team', parseImageName('registry.example/team/app')));
  bench(
    'a key with a glob',
    () => void matchImage('*.registry.example', parseImageName('eu.registry.example/team/app')),
  );
  bench(
    'a key of 1,000 labels',
    () => void matchImage('*.'.repeat(999).concat('a'), { domain: 'a.'.repeat(999).concat('b'), path: 'x' }),
  );
});

describe('matchImages', () => {
  bench(`${keys.length} pairs of the vectors`, () => {
    for (const [glob = '', target = ''] of keys) matchImages([glob], { domain: '', path: target });
  });
});

describe('normalizeKey', () => {
  bench("Docker Hub's key", () => void normalizeKey('https://index.docker.io/v1/'));
});
