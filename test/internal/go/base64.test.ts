import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../../src/internal/index.ts';
import { runsOf } from '../../support/property-runs.ts';

/** Go's `Encoding.decodeQuantum`, step by step, over characters that are bytes. */
function goDecode(text: string, padded: boolean): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const isNewline = (at: number): boolean => text[at] === '\n' || text[at] === '\r';
  const corrupt = (at: number): string => `illegal base64 data at input byte ${at}`;
  const out: number[] = [];
  let si = 0;
  while (si < text.length) {
    const quantum: number[] = [];
    let ended = false;
    while (quantum.length < 4 && !ended) {
      const j = quantum.length;
      if (si === text.length) {
        if (j === 0) return Buffer.from(out).toString('hex');
        if (j === 1 || padded) return corrupt(si - j);
        break;
      }
      const letter = text.charAt(si++);
      const value = alphabet.indexOf(letter);
      if (value >= 0) {
        quantum.push(value);
        continue;
      }
      if (letter === '\n' || letter === '\r') continue;
      if (!padded || letter !== '=' || j < 2) return corrupt(si - 1);
      if (j === 2) {
        while (isNewline(si)) si++;
        if (si === text.length) return corrupt(text.length);
        if (text[si] !== '=') return corrupt(si - 1);
        si++;
      }
      while (isNewline(si)) si++;
      if (si < text.length) return corrupt(si);
      ended = true;
    }
    const [a = 0, b = 0, c = 0, d = 0] = quantum;
    out.push(
      ...[(a << 2) | (b >> 4), (b << 4) | (c >> 2), (c << 6) | d]
        .slice(0, quantum.length - 1)
        .map((byte) => byte & 255),
    );
  }
  return Buffer.from(out).toString('hex');
}

function show(result: Uint8Array | string): string {
  return typeof result === 'string' ? result : Buffer.from(result).toString('hex');
}

describe('decodeBase64', () => {
  it('agrees with Go step by step [C04]', () => {
    const near = fc.string({ unit: fc.constantFrom(...'AQg9+/==\r\n -_é'), maxLength: 14 });
    fc.assert(
      fc.property(near, fc.boolean(), (text, padded) => {
        expect(show(decodeBase64(text, padded))).toBe(goDecode(text, padded));
      }),
      runsOf('bytes'),
    );
  });

  it('is the inverse of encodeBase64, which agrees with the platform', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const text = encodeBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(show(decodeBase64(text, true))).toBe(show(bytes));
        expect(show(decodeBase64(text.replace(/=+$/, ''), false))).toBe(show(bytes));
      }),
    );
  });
});
