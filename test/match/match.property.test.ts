import fc from 'fast-check';
import {
  matchGlob,
  matchImage,
  matchImages,
  matchTarget,
  normalizeKey,
  parsePattern,
  toTarget,
  type MatchOptions,
} from 'kubepull/match';
import { describe, expect, it } from 'vitest';
import { anyText } from '../support/any-text.ts';
import { imageNamed } from '../support/image-name.ts';

type Step =
  | { readonly kind: 'star' }
  | { readonly kind: 'any' }
  | { readonly kind: 'literal'; readonly character: string; readonly escaped: boolean }
  | { readonly kind: 'class'; readonly negated: boolean; readonly characters: readonly string[] };

const CHARACTERS = ['a', 'b', 'c', '/', '-', '*'];
const character = fc.constantFrom(...CHARACTERS);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constant<Step>({ kind: 'star' }),
  fc.constant<Step>({ kind: 'any' }),
  fc.record({ kind: fc.constant('literal' as const), character, escaped: fc.boolean() }),
  fc.record({
    kind: fc.constant('class' as const),
    negated: fc.boolean(),
    characters: fc.array(character, { minLength: 1, maxLength: 3 }),
  }),
);

function textOf(part: Step): string {
  if (part.kind === 'star') return '*';
  if (part.kind === 'any') return '?';
  if (part.kind === 'class') return `[${part.negated ? '^' : ''}${part.characters.map((c) => `\\${c}`).join('')}]`;
  return part.escaped || part.character === '*' ? `\\${part.character}` : part.character;
}

/**
 * The definition of the language, by trying everything: exponential, and obviously right. Names have no slash here: Go
 * takes the first place where a part matches and never another, which shows when a class eats a slash.
 */
function naiveMatch(steps: readonly Step[], name: string): boolean {
  const [first, ...rest] = steps;
  const head = name[0];
  if (first === undefined) return name === '';
  if (first.kind === 'star') {
    return naiveMatch(rest, name) || (head !== undefined && head !== '/' && naiveMatch(steps, name.slice(1)));
  }
  if (head === undefined) return false;
  const isGood =
    first.kind === 'any'
      ? head !== '/'
      : first.kind === 'literal'
        ? head === first.character
        : first.characters.includes(head) !== first.negated;
  return isGood && naiveMatch(rest, name.slice(1));
}

const patternText = fc.oneof(
  anyText({ maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(...Array.from('ab.*?[]^-\\/:@%#25 é😀')), maxLength: 20 }),
);
const label = fc.string({ unit: fc.constantFrom('a', 'b', '*', '-'), minLength: 1, maxLength: 4 });
const key = fc
  .tuple(fc.array(label, { minLength: 1, maxLength: 3 }), fc.constantFrom('', ':', ':80'), fc.array(label))
  .map(([labels, port, path]) => `${labels.join('.')}${port}${path.map((part) => `/${part}`).join('')}`);
const options: fc.Arbitrary<MatchOptions> = fc.record({
  dialect: fc.constantFrom('kubelet' as const, 'documented' as const),
  pathMatch: fc.constantFrom('prefix' as const, 'segment' as const),
});

describe('globMatch', () => {
  it('agrees with the naive recursive matcher [C02]', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 7 }),
        fc.string({ unit: fc.constantFrom(...CHARACTERS.filter((c) => c !== '/')), maxLength: 7 }),
        (steps, name) => {
          const want = naiveMatch(steps, name) ? 'match' : 'no-match';
          expect(matchGlob(steps.map(textOf).join(''), name)).toBe(want);
        },
      ),
    );
  });

  it('matches every name with itself, escaped', () => {
    fc.assert(
      fc.property(patternText, (name) => {
        const pattern = name.replaceAll(/[\\*?[]/g, String.raw`\$&`);
        expect(matchGlob(pattern, name)).toBe('match');
      }),
    );
  });

  it('never throws, and answers the same again', () => {
    fc.assert(
      fc.property(patternText, patternText, (pattern, name) => {
        expect(matchGlob(pattern, name)).toBe(matchGlob(pattern, name));
      }),
    );
  });
});

describe('normalizeKey', () => {
  it('is idempotent on keys of ordinary form', () => {
    fc.assert(
      fc.property(key, fc.constantFrom('', 'https://', 'http://'), (text, scheme) => {
        const normal = normalizeKey(scheme + text);
        expect(normal).toBeDefined();
        expect(normalizeKey(normal ?? '')).toBe(normal);
      }),
    );
  });

  it('never throws, whatever the key [C12]', () => {
    fc.assert(
      fc.property(patternText, options, (text, chosen) => {
        const normal = normalizeKey(text, chosen);
        const parsed = parsePattern(text, chosen);
        if (parsed !== undefined) expect(parsed.key).toBe(normal);
      }),
    );
  });
});

describe('matchImage', () => {
  it('agrees with the comparison of parsed parts, in both dialects [A26]', () => {
    fc.assert(
      fc.property(key, key, options, (pattern, image, chosen) => {
        const parsed = parsePattern(pattern, chosen);
        const target = toTarget(imageNamed(image));
        if (parsed === undefined || target === undefined) throw new Error('keys of ordinary form parse');
        expect(matchImage(pattern, imageNamed(image), chosen)).toEqual(matchTarget(parsed, target, chosen));
      }),
    );
  });

  it('matches by segment only what it matches by prefix [A27]', () => {
    fc.assert(
      fc.property(key, key, (pattern, image) => {
        if (!matchImage(pattern, imageNamed(image), { pathMatch: 'segment' }).matched) return;
        expect(matchImage(pattern, imageNamed(image)).matched).toBe(true);
      }),
    );
  });

  it('matches in kubelet only what the documented reading matches too [A26]', () => {
    fc.assert(
      fc.property(key, key, (pattern, image) => {
        if (!matchImage(pattern, imageNamed(image)).matched) return;
        expect(matchImage(pattern, imageNamed(image), { dialect: 'documented' }).matched).toBe(true);
      }),
    );
  });

  it('matches a literal host exactly when host and port are equal and the path begins with it', () => {
    fc.assert(
      fc.property(key, key, (pattern, image) => {
        const parsed = parsePattern(pattern);
        const target = toTarget(imageNamed(image));
        if (!parsed?.literal || target === undefined) return;
        const want =
          parsed.port === target.port &&
          parsed.labels.join('.') === target.labels.join('.') &&
          target.path.startsWith(parsed.path);
        expect(matchTarget(parsed, target).matched).toBe(want);
      }),
    );
  });
});

describe('matchImages', () => {
  it('allows what one of its patterns allows alone', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(key, patternText), { maxLength: 4 }),
        fc.oneof(key, patternText),
        (patterns, image) => {
          const alone = patterns.find((pattern) => matchImages([pattern], imageNamed(image)).matched);
          const result = matchImages(patterns, imageNamed(image));
          expect(result.matched ? result.pattern : undefined).toBe(alone);
        },
      ),
    );
  });
});
