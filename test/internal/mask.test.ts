import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createMask, USER_AGENT } from '../../src/internal/index.ts';

const SECRET = 'pä/ß "w+örd"~ΔX=';
const bytes = Buffer.from(SECRET);

describe('createMask', () => {
  it.each<[string, string]>([
    ['as it is', SECRET],
    ['in lower case', SECRET.toLowerCase()],
    ['in upper case', SECRET.toUpperCase().replaceAll('SS', 'ß')],
    ['percent-encoded', encodeURIComponent(SECRET)],
    ['percent-encoded in lower case', encodeURIComponent(SECRET).toLowerCase()],
    ['percent-encoded letter by letter', [...bytes].map((byte) => `%${byte.toString(16)}`).join('')],
    ['as a form has it', new URLSearchParams({ '': SECRET }).toString().slice(1)],
    ['in Base64', bytes.toString('base64')],
    ['in hexadecimal', bytes.toString('hex')],
    ['in Base64 for URLs', bytes.toString('base64url')],
    ['escaped as in JSON', JSON.stringify(SECRET).slice(1, -1)],
    ['escaped as in JSON with slashes', JSON.stringify(SECRET).slice(1, -1).replaceAll('/', '\\/')],
    [
      'escaped as in JSON beyond ASCII',
      JSON.stringify(SECRET)
        .slice(1, -1)
        .replaceAll(/[^ -~]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`),
    ],
    [
      'escaped as in JSON letter by letter',
      [...SECRET].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
    ],
    ['decoded as Latin-1', bytes.toString('latin1')],
    ['decomposed', SECRET.normalize('NFD')],
  ])('masks a secret %s', (_, form) => {
    const masked = createMask([undefined, 'other secret', SECRET])(`before ${form} behind`);
    expect(masked).toMatch(/^before \[redacted\]=* behind$/);
  });

  it.each([
    ['', ''],
    ['u:', ''],
    ['u:', ' and more'],
    ['x', 'y'],
    ['abc', '==='],
  ])('masks a secret in the Base64 of a text with "%s" before and "%s" behind it', (before, behind) => {
    const secret = 'a-long-enough-password';
    for (const encoding of ['base64', 'base64url'] as const) {
      const text = Buffer.from(before + secret + behind).toString(encoding);
      const masked = createMask([secret])(text);
      expect(masked).toContain('[redacted]');
      // What is left says nothing of the secret but the letters at its two ends.
      const left = masked.replace('[redacted]', '');
      expect(left.length).toBeLessThanOrEqual(text.length - Math.floor(secret.length / 3 - 1) * 4);
    }
  });

  it('masks a token as long as a header may be, at each of its places', () => {
    const token = `${'x'.repeat(65_000)}y`;
    expect(createMask([token])(`1 ${token} 2 ${token.toUpperCase()} 3`)).toBe('1 [redacted] 2 [redacted] 3');
  });

  it('masks a secret of four characters, and no form of one that is shorter', () => {
    expect(createMask(['abcd'])('-abcd-')).toBe('-[redacted]-');
    expect(createMask(['abcdefgh'], 8)('-abcdefgh-')).toBe('-[redacted]-');
    expect(createMask(['a', 'ab'], 1)('a ab YQ YWI 6162 \\u0061')).toBe('a ab YQ YWI [redacted] [redacted]');
  });

  it('masks the longest of secrets that have each other in them', () => {
    expect(createMask(['word', 'word-and-more', 'and-'])('word-and-more word and-')).toBe(
      '[redacted] [redacted] [redacted]',
    );
  });

  it('masks bytes that need a zero in front', () => {
    const secret = '\u0001\n\u0002\u000f';
    const mask = createMask([secret]);
    expect(mask('-01 010A020F %01%0A%02%0F')).toBe('-01 [redacted] [redacted]');
    expect(mask(String.raw`\u0001\u000a\u0002\u000F \u0001\n\u0002\u000f`)).toBe('[redacted] [redacted]');
  });

  it('masks half of a character in the bytes that are sent of it, and elsewhere as it is', () => {
    const mask = createMask(['wo\udcffrd']);
    expect(mask('-wo\udcffrd- 776fff7264 %77%6f%ff%72%64 \u0077')).toBe('-[redacted]- [redacted] [redacted] w');
    expect(mask('word')).toBe('[redacted]');
  });

  it('keeps letters at their places whose lower case is longer', () => {
    expect(createMask(['wörd'])('İİ WÖRD İ')).toBe('İİ [redacted] İ');
    expect(createMask(['İword'])('-İWORD-')).toBe('-[redacted]-');
  });

  it('masks eight letters of Base64 that are all of a secret, and no fewer: they stand in any text', () => {
    const within = (secret: string, text: string): string =>
      createMask([secret])(Buffer.from(text).toString('base64').replaceAll('=', ''));
    expect(within('abcdefg', 'abcdefgXX')).toBe('[redacted]Z1hY');
    expect(within('~~~???~', '~~~???~XX')).toBe('[redacted]flhY');
    const forUrls = (secret: string, text: string): string =>
      createMask([secret])(Buffer.from(text).toString('base64url'));
    expect([forUrls('>>>???>>', '>>>???>>'), forUrls('>>>???>>', '>>>???>>XX')]).toEqual([
      '[redacted]',
      '[redacted]Pj5YWA',
    ]);
    for (const text of ['abcdeXX', 'uabcde', 'uuabcdeX']) expect(within('abcde', text)).not.toContain('[redacted]');
  });

  it('leaves a text alone that has none of the secrets, and secrets that are too short', () => {
    expect(createMask(['abc'])('abc')).toBe('abc');
    expect(createMask(['abcdefgh'], 9)('abcdefgh')).toBe('abcdefgh');
    expect(createMask([])('text (?!)')).toBe('text (?!)');
    expect(createMask(['secret.+'])('secretxx')).toBe('secretxx');
  });
});

describe('USER_AGENT', () => {
  it('has the version of the package', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string };
    expect(USER_AGENT).toBe(`kubepull/${version}`);
  });
});
