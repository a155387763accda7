import { describe, expect, it } from 'vitest';
import {
  decodeUtf8,
  encodeUtf8,
  hideUserInfo,
  printable,
  quote,
  quoteJson,
  readJson,
  redactUrl,
} from '../../src/internal/index.ts';

describe('printable', () => {
  it('escapes in two digits what is a byte, in four what is more', () => {
    expect(printable('a\u0007\u009f\u2028b')).toBe(String.raw`a\x07\x9f\u2028b`);
    expect(printable('\u00ad\u0600\ud800')).toBe(String.raw`\xad\u0600\ud800`);
  });

  it('cuts what is longer than 256 characters, or than it may be, and says so', () => {
    expect(printable('x'.repeat(256))).toBe('x'.repeat(256));
    expect(printable('x'.repeat(257))).toBe(`${'x'.repeat(256)}…`);
    expect([printable('abc', 3), printable('abcd', 3)]).toEqual(['abc', 'abc…']);
  });
});

describe('quote', () => {
  it('escapes quotes and what does not show, and cuts what is long', () => {
    expect(quote(String.raw`a"b\c` + '\n')).toBe(String.raw`"a\"b\\c\x0a"`);
    expect(quote('x'.repeat(256))).toBe(`"${'x'.repeat(256)}"`);
    expect(quote('x'.repeat(300))).toBe(`"${'x'.repeat(256)}…"`);
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

describe('hideUserInfo', () => {
  const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

  it.each([
    ['https://u:word@r.example/app', 'https://***@r.example/app'],
    ['https://word@r.example/app', 'https://***@r.example/app'],
    ['me@corp.example:word@r.example/app', '***@r.example/app'],
    ['//u:word@r.example/app', '//***@r.example/app'],
    ['u:word@r.example/app', '***@r.example/app'],
    ['u:word@localhost:5000/app', '***@localhost:5000/app'],
    ['u:word@localhost/app', '***@localhost/app'],
    [String.raw`u:word@r\app`, String.raw`***@r\app`],
    ['u:wo/rd@wo:rd@r.example/app', '***@r.example/app'],
    ['u:wo\nrd@r.example/app', '***@r.example/app'],
    [`u:word@r.example/app@${digest}`, `***@r.example/app@${digest}`],
    ['see https://u:word@r.example/app', '***@r.example/app'],
  ])('hides a password in front of a host: %j', (text, shown) => {
    expect(hideUserInfo(text)).toBe(shown);
  });

  it.each([
    'r.example/app:1',
    'user@r.example/app',
    'app:1@latest',
    `r.example:5000/app@${digest}`,
    `r.example:5000/app@${digest.toUpperCase()}`,
    `r.example:5000/app@${digest} \n`,
    'r.example:5000/app@sha256:',
    'r.example:5000/app@sha256:012',
    `r.example:5000/app@md5:${'x'.repeat(32)}`,
    `r.example:5000/app@sha256:${'x'.repeat(64)}`,
  ])('leaves alone what has none, and a digest, also one that is cut off or spoilt: %j', (text) => {
    expect(hideUserInfo(text)).toBe(text);
  });

  it('takes what stands where a digest would, but is shorter than any, for a host', () => {
    expect(hideUserInfo(`u:word@r:${'x'.repeat(31)}`)).toBe(`***@r:${'x'.repeat(31)}`);
    expect(hideUserInfo(`u:word@r.example:5000/${'x'.repeat(40)}`)).toBe(`***@r.example:5000/${'x'.repeat(40)}`);
    expect(hideUserInfo('u:word@sha256:0/app')).toBe('***@sha256:0/app');
  });
});

describe('redactUrl', () => {
  it.each([
    ['https://u:word@r.example:5000/v2/app?sig=x#y', 'https://r.example:5000/v2/app'],
    [new URL('http://u@r.example'), 'http://r.example/'],
    ['https://[word', '<invalid URL>'],
    ['word', '<invalid URL>'],
  ])('shows of %s where it is, and no more', (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });
});
