import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

describe('docs/errors.md', () => {
  it('has a row for every code, and for no other', () => {
    const source = readFileSync(new URL('../../src/errors/image-error.ts', import.meta.url), 'utf8');
    const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
    const codes = (text: string, pattern: RegExp): readonly string[] =>
      [...text.matchAll(pattern)].map(([, code = '']) => code);
    expect(codes(page, /^\| `(ERR_\w+)`/gmu)).toEqual(codes(source, /^ {2}\| '(ERR_\w+)'/gmu));
  });
});
