/** A call takes no more arguments than the stack has room for. */
const UNITS_AT_ONCE = 4096;

/**
 * UTF-8 without loss, as Python's `surrogateescape` does it: a byte 0xNN that is not part of well-formed UTF-8 becomes
 * the lone surrogate U+DCNN, and turns back into that byte when encoded. Go strings are bytes; a password that is not
 * UTF-8 must reach the registry as it stood in the file.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return decodeWithEscapes(bytes);
  }
}

function decodeWithEscapes(bytes: Uint8Array): string {
  const units = new Uint16Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length;) {
    const width = sequenceLength(bytes, at);
    const code = width === 0 ? 0xdc00 + (bytes[at] ?? 0) : codePointOf(bytes, at, width);
    if (code < 0x10000) {
      units[length] = code;
      length += 1;
    } else {
      units[length] = 0xd7c0 + (code >> 10);
      units[length + 1] = 0xdc00 + (code & 0x3ff);
      length += 2;
    }
    at += width || 1;
  }
  const parts: string[] = [];
  for (let at = 0; at < length; at += UNITS_AT_ONCE) {
    const some = units.subarray(at, Math.min(at + UNITS_AT_ONCE, length));
    parts.push(String.fromCharCode.apply(undefined, some as unknown as number[]));
  }
  return parts.join('');
}

/** The character of a well-formed sequence. */
function codePointOf(bytes: Uint8Array, at: number, width: number): number {
  let code = width === 1 ? (bytes[at] ?? 0) : (bytes[at] ?? 0) & (0x7f >> width);
  for (let next = at + 1; next < at + width; next += 1) code = (code << 6) | ((bytes[next] ?? 0) & 0x3f);
  return code;
}

/** Length of the well-formed UTF-8 sequence that starts at `at`, or 0. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length < 2) return length;
  const second = bytes[at + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let next = at + 2; next < at + length; next += 1) {
    if (((bytes[next] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return length;
}

const ESCAPED_BYTE = /[\udc80-\udcff]/u;

/** The inverse of {@link decodeUtf8}; any other lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const encoder = new TextEncoder();
  if (!ESCAPED_BYTE.test(text)) return encoder.encode(text);
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (let at = 0; at < text.length;) {
    const code = text.codePointAt(at) ?? 0;
    length = isEscapedByte(code) ? writeByte(bytes, length, code - 0xdc00) : writeCodePoint(bytes, length, code);
    at += code < 0x10000 ? 1 : 2;
  }
  return bytes.subarray(0, length);
}

function isEscapedByte(code: number): boolean {
  return code >= 0xdc80 && code <= 0xdcff;
}

function writeByte(bytes: Uint8Array, length: number, byte: number): number {
  bytes[length] = byte;
  return length + 1;
}

function writeCodePoint(bytes: Uint8Array, length: number, code: number): number {
  if (code < 0x80) return writeByte(bytes, length, code);
  const width = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  const known = code >= 0xd800 && code <= 0xdfff ? 0xfffd : code;
  bytes[length] = ((0xf00 >> width) & 0xff) | (known >> (6 * (width - 1)));
  for (let next = 1; next < width; next += 1) {
    bytes[length + next] = 0x80 | ((known >> (6 * (width - 1 - next))) & 0x3f);
  }
  return length + width;
}
