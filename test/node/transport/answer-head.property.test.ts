import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDechunker, findHeadEnd, parseHead } from '../../../src/node/transport/answer-head.ts';

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

/** The same bytes in pieces. */
function cutAt(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1))), bytes.length].toSorted((a, b) => a - b);
  return ends.map((end, at) => bytes.subarray(at === 0 ? 0 : ends[at - 1], end));
}

const places = fc.array(fc.nat(), { maxLength: 20 });
const name = fc
  .stringMatching(/^[a-z][a-z0-9-]{0,12}$/)
  .filter((text) => !/^(content-length|transfer-encoding)$/.test(text));
const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
const headers = fc.array(fc.tuple(name, value), { maxLength: 8 });

/** What a dechunker makes of pieces: the content, and whether it is done; or that it refuses them. */
function dechunk(pieces: readonly Buffer[]): readonly [string, boolean] | 'refused' {
  const dechunker = createDechunker();
  const content: Uint8Array[] = [];
  try {
    for (const piece of pieces) content.push(...dechunker.push(piece));
  } catch {
    return 'refused';
  }
  return [Buffer.concat(content).toString('latin1'), dechunker.done];
}

describe('the head of an answer', () => {
  it('is what was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), headers, fc.nat(), (status, lines, length) => {
        const all = [...lines, ['content-length', String(length)] as const];
        const text = `HTTP/1.1 ${status} Some Words\r\n${all.map(([key, text]) => `${key}: ${text}\r\n`).join('')}\r\n`;
        const head = parseHead(bytesOf(text));
        expect([head.status, head.headers]).toEqual([status, all]);
        const bytes = status === 204 || status === 304 ? 0 : length;
        expect(head.framing).toEqual({ kind: 'length', bytes });
      }),
    );
  });

  it('ends at the same place, or is refused as well, however it comes', () => {
    const piece = fc.constantFrom('HTTP/1.1 200 OK', '\r\n', '\r', '\n', 'a: b', '\r\n\r\n', 'x', 'HTTP/1.');
    const end = (bytes: Buffer, ends: readonly number[]): number | 'refused' | undefined => {
      let seen = 0;
      try {
        for (const to of ends) {
          const found = findHeadEnd(bytes.subarray(0, to), seen, 10_000);
          if (found !== undefined) return found;
          seen = to;
        }
        return undefined;
      } catch {
        return 'refused';
      }
    };
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), places, (parts, cuts) => {
        const bytes = bytesOf(parts.join(''));
        const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
        expect(end(bytes, ends)).toEqual(end(bytes, [bytes.length]));
      }),
    );
  });

  it.each([
    ['two lengths', 'content-length: 3\r\ncontent-length: 3'],
    ['a length with a sign', 'content-length: +3'],
    ['a length in hex', 'content-length: 0x3'],
    ['no length in its place', 'content-length:'],
    ['a length beside chunks', 'content-length: 3\r\ntransfer-encoding: chunked'],
    ['chunks twice', 'transfer-encoding: chunked\r\ntransfer-encoding: chunked'],
    ['another coding', 'transfer-encoding: gzip, chunked'],
    ['a folded line', 'a: b\r\n c'],
    ['a blank before the colon', 'a : b'],
    ['no colon', 'ab'],
    ['a control character', 'a: \u0007'],
  ])('is refused with %s', (_, lines) => {
    expect(() => parseHead(bytesOf(`HTTP/1.1 200 OK\r\n${lines}\r\n\r\n`))).toThrow('ERR_KUBEPULL_ANSWER_INVALID');
  });

  it.each([
    'HTTP/2 200',
    'HTTP/1.2 200 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1  200 OK',
    'http/1.1 200 OK',
  ])('is refused when it begins with %j', (line) => {
    expect(() => parseHead(bytesOf(`${line}\r\ncontent-length: 3\r\n\r\n`))).toThrow('ERR_KUBEPULL_ANSWER_INVALID');
  });

  it('has values without the blanks around them, and with those inside', () => {
    const { headers } = parseHead(bytesOf('HTTP/1.1 200 OK\r\na: \t b \t c\u00a0 \t\r\nd:\r\ne:  \r\n\r\n'));
    expect(headers).toEqual([
      ['a', 'b \t c\u00a0'],
      ['d', ''],
      ['e', ''],
    ]);
  });

  it('is too long by its own bytes, and not by those behind it', () => {
    const head = bytesOf('HTTP/1.1 200 OK\r\n\r\n');
    expect(findHeadEnd(Buffer.concat([head, Buffer.alloc(100)]), 0, head.length)).toBe(head.length);
    expect(() => findHeadEnd(head, 0, head.length - 1)).toThrow('UND_ERR_HEADERS_OVERFLOW');
  });
});

describe('a body in chunks', () => {
  it('is what was cut into them, however it comes', () => {
    const chunk = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(chunk), fc.constantFrom('', ';a=b', ' ;x'), places, (chunks, extension, cuts) => {
        const body = chunks.map((text) => `${text.length.toString(16)}${extension}\r\n${text}\r\n`).join('');
        const bytes = bytesOf(`${body}0\r\nx: y\r\n\r\nrest`);
        expect(dechunk(cutAt(bytes, cuts))).toEqual([chunks.join(''), true]);
      }),
    );
  });

  it('is taken or refused in the same way in any pieces', () => {
    const token = fc.constantFrom(
      '3\r\nabc\r\n',
      '0\r\n',
      '\r\n',
      '\r',
      '\n',
      'a',
      '-1',
      ';x',
      ' ',
      '1\r\nab',
      'x: y\r\n',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 10 }), places, (tokens, cuts) => {
        const bytes = bytesOf(tokens.join(''));
        expect(dechunk(cutAt(bytes, cuts))).toEqual(dechunk([bytes]));
      }),
    );
  });

  it.each([
    ['a size that is none', 'zz\r\nabc\r\n'],
    ['a size below zero', '-3\r\nabc\r\n'],
    ['a size of many digits', 'fffffffffffff\r\n'],
    ['no size', '\r\nabc'],
    ['a bare line feed', '3\nabc\r\n'],
    ['more bytes than its size', '2\r\nabc\r\n'],
    ['an extension without end', `3;${'x'.repeat(2000)}`],
    ['trailers without end', `0\r\n${'x: y\r\n'.repeat(4000)}`],
    ['a trailer that is none', '0\r\nxy\r\n\r\n'],
  ])('is refused with %s', (_, text) => {
    expect(dechunk([bytesOf(text)])).toBe('refused');
  });
});
