import { describe, expect, it } from 'vitest';
import { decodeUtf8, encodeUtf8, printable, quoteJson, readJson } from '../../src/internal/index.ts';

describe('printable', () => {
  it('escapes in two digits what is a byte, in four what is more', () => {
    expect(printable('a\u0007\u009f\u2028b')).toBe(String.raw`a\x07\x9f\u2028b`);
  });
});

describe('quoteJson', () => {
  it('escapes as Go does: for HTML, for script, and what is no character', () => {
    expect(quoteJson('<&>\u2028\ud800')).toBe(String.raw`"\u003c\u0026\u003e\u2028\ufffd"`);
  });
});

describe('readJson', () => {
  it('counts each value once', () => {
    expect(readJson('[1,{"a":2}]', { maxValues: 4 }).ok).toBe(true);
    expect(readJson('[1,{"a":2}]', { maxValues: 3 }).ok).toBe(false);
  });
});

describe('decodeUtf8', () => {
  it.each([
    ['an overlong form', [0xe0, 0x80, 0x80]],
    ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
    ['a character beyond the last', [0xf4, 0x90, 0x80, 0x80]],
    ['a text that ends within a character', [0x61, 0xe2, 0x82]],
  ])('keeps the bytes of %s', (_, bytes) => {
    const text = decodeUtf8(Uint8Array.from(bytes));
    expect([...text]).toHaveLength(bytes.length);
    expect([...encodeUtf8(text)]).toEqual(bytes);
  });
});
