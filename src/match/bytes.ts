import { decodeUtf8, encodeUtf8 } from '../internal/index.js';

const ASCII = /^[\u0000-\u007f]*$/;

/** A Go string as JavaScript text with one character per byte; ASCII text is its own byte string. */
export function byteString(text: string): string {
  return ASCII.test(text) ? text : Array.from(encodeUtf8(text), (byte) => String.fromCharCode(byte)).join('');
}

const INVALID: readonly [rune: number, width: number] = [0xfffd, 1];

/**
 * Go's `utf8.DecodeRuneInString` at a place of a byte string: the code point and how many bytes it takes; U+FFFD and 1
 * for a byte that is not well-formed UTF-8.
 */
export function decodeRune(bytes: string, at: number): readonly [rune: number, width: number] {
  const lead = bytes.charCodeAt(at);
  if (lead < 0x80) return [lead, 1];
  if (lead < 0xc2 || lead > 0xf4) return INVALID;
  const width = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  let rune = lead & (0xff >> (width + 1));
  for (let next = at + 1; next < at + width; next += 1) {
    const byte = bytes.charCodeAt(next);
    if ((byte & 0xc0) !== 0x80) return INVALID;
    rune = (rune << 6) | (byte & 0x3f);
  }
  // Overlong forms, surrogates and what is past U+10FFFF are not well-formed.
  const isWellFormed =
    rune >= (width === 2 ? 0x80 : width === 3 ? 0x800 : 0x10000) && rune >> 11 !== 0x1b && rune <= 0x10ffff;
  return isWellFormed ? [rune, width] : INVALID;
}

/** Decodes well-formed `%XX`; a byte that is not UTF-8 afterwards stays what it is, see `decodeUtf8`. */
export function unescape(text: string): string {
  if (!text.includes('%')) return text;
  const bytes = byteString(text).replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return decodeUtf8(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
}
