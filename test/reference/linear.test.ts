import { describe, expect, it } from 'vitest';
import { parseAnyReference, parseRawReference, safeParseReference, withTag } from 'kubepull/reference';
import { growth } from '../support/least.ts';

/** How many times longer a parser takes for texts `by` times as long; no more than three times what is linear is allowed. */
function growthOf(
  parse: (text: string) => unknown,
  textOf: (length: number) => string,
  length: number,
  by: number,
): number {
  const quietly = (text: string) => () => {
    try {
      parse(text);
    } catch {
      // Refused, as it should be; the time counts.
    }
  };
  return growth(3 * by, quietly(textOf(length / by)), quietly(textOf(length)));
}

describe('time', () => {
  it('grows with the length only, up to 1 MB of any one byte', () => {
    for (let byte = 0; byte < 256; byte += 1) {
      const textOf = (length: number): string => String.fromCharCode(byte).repeat(length);
      expect(growthOf(safeParseReference, textOf, 1_000_000, 16), `byte ${byte}`).toBeLessThan(48);
    }
  });

  it.each(['parseRawReference', 'parseAnyReference', 'withTag'] as const)('as well in %s', (name) => {
    const parse = { parseRawReference, parseAnyReference, withTag: (text: string) => withTag('nginx', text) }[name];
    for (const character of ['a', 'A', '-', '.', '/', ':', '@', ' ', '"', '\\', '\u00e9']) {
      const textOf = (length: number): string => character.repeat(length);
      expect(growthOf(parse, textOf, 1_000_000, 16), character).toBeLessThan(48);
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
        const textOf = (length: number): string => unit.repeat(length).slice(0, length) + ending;
        expect(growthOf(safeParseReference, textOf, 4096, 8), unit + ending).toBeLessThan(24);
      }
    }
  });
});
