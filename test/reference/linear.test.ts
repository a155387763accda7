import { describe, expect, it } from 'vitest';
import { parseAnyReference, parseRawReference, safeParseReference, withTag } from 'kubepull/reference';
import { leastTime } from '../support/least.ts';

function quietly(run: () => unknown): () => void {
  return () => {
    try {
      run();
    } catch {
      // Refused, as it should be; the time counts.
    }
  };
}

describe('time', () => {
  it('takes under 10 ms for 1 MB of any one byte', () => {
    for (let byte = 0; byte < 256; byte += 1) {
      const text = String.fromCharCode(byte).repeat(1_000_000);
      expect(
        leastTime(
          10,
          quietly(() => safeParseReference(text)),
        ),
        `byte ${byte}`,
      ).toBeLessThan(10);
    }
  });

  it.each(['parseRawReference', 'parseAnyReference', 'withTag'] as const)('as well in %s', (name) => {
    const parse = { parseRawReference, parseAnyReference, withTag: (text: string) => withTag('nginx', text) }[name];
    for (const character of ['a', 'A', '-', '.', '/', ':', '@', ' ', '"', '\\', '\u00e9']) {
      const text = character.repeat(1_000_000);
      expect(
        leastTime(
          10,
          quietly(() => parse(text)),
        ),
        character,
      ).toBeLessThan(10);
    }
  });

  it('grows with the length only, for texts that nearly fit', () => {
    const units = [
      'a-',
      'a.',
      'a/',
      'a_',
      'a__',
      'a:',
      'a@',
      '-',
      '/',
      ':',
      '@',
      '.a',
      '[:',
      'A',
      'a ',
      'a:1@',
      '?',
      '/:',
      '1.2-',
    ];
    for (const unit of units) {
      for (const ending of ['', '!', '/', ':', '@', 'é']) {
        const text = unit.repeat(4096).slice(0, 4090) + ending;
        expect(
          leastTime(
            10,
            quietly(() => safeParseReference(text)),
          ),
          unit + ending,
        ).toBeLessThan(10);
      }
    }
  });
});
