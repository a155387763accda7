const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Padded standard base64 (RFC 4648 §4), as Go's `base64.StdEncoding` writes it. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text += ALPHABET.charAt(group >> 18) + ALPHABET.charAt((group >> 12) & 63);
    text += left > 1 ? ALPHABET.charAt((group >> 6) & 63) : '=';
    text += left > 2 ? ALPHABET.charAt(group & 63) : '=';
  }
  return text;
}

/**
 * Standard base64 as Go's decoder takes it: CR and LF are skipped anywhere, no other stray character is, padding is
 * complete or forbidden, and unused bits at the end are not checked. No decoder of the platform has these rules.
 *
 * @param padded - Go's `StdEncoding` when true, else its `RawStdEncoding`
 * @returns the bytes, or Go's error text
 */
export function decodeBase64(text: string, padded: boolean): Uint8Array | string {
  const bytes = new Uint8Array(Math.floor(text.length / 4) * 3 + 3);
  let length = 0;
  let bits = 0;
  let digits = 0;
  for (let at = 0; at < text.length; at += 1) {
    const group = digits === 0 ? groupAt(text, at) : -1;
    if (group >= 0) {
      bytes[length] = group >> 16;
      bytes[length + 1] = (group >> 8) & 0xff;
      bytes[length + 2] = group & 0xff;
      length += 3;
      at += 3;
      continue;
    }
    const code = text.charCodeAt(at);
    if (code === 0x0d || code === 0x0a) continue;
    const value = digitOf(code);
    if (value < 0) {
      const fault = padded && code === 0x3d ? findPaddingFault(text, at, digits) : at;
      return fault === undefined ? bytes.subarray(0, length) : illegal(fault);
    }
    bits = ((bits << 6) | value) & 0xfff;
    digits = (digits + 1) % 4;
    if (digits !== 1) {
      bytes[length] = (bits >> (6 - 2 * ((digits + 3) % 4))) & 0xff;
      length += 1;
    }
  }
  // Go names the byte that lies as many places before the end as the last group has digits.
  if (digits === 1 || (padded && digits > 0)) return illegal(text.length - digits);
  return bytes.subarray(0, length);
}

/** By the code of a letter what it stands for; -1 for any other character. */
const DIGITS: Int8Array = /* @__PURE__ */ tabulate();

function tabulate(): Int8Array {
  const table = new Int8Array(128).fill(-1);
  for (let digit = 0; digit < ALPHABET.length; digit += 1) table[ALPHABET.charCodeAt(digit)] = digit;
  return table;
}

function digitOf(code: number): number {
  return DIGITS[code] ?? -1;
}

/** The bits of four letters, most of a text; -1 where something else is among them. */
function groupAt(text: string, at: number): number {
  const [a, b] = [digitOf(text.charCodeAt(at)), digitOf(text.charCodeAt(at + 1))];
  const [c, d] = [digitOf(text.charCodeAt(at + 2)), digitOf(text.charCodeAt(at + 3))];
  return (a << 18) | (b << 12) | (c << 6) | d;
}

/** Where the padding that starts at `at`, after so many digits of its group, is not what must end the text. */
function findPaddingFault(text: string, at: number, digits: number): number | undefined {
  if (digits < 2) return at;
  let next = skipNewlines(text, at + 1);
  if (digits === 2) {
    if (next === text.length) return next;
    if (text[next] !== '=') return next - 1;
    next = skipNewlines(text, next + 1);
  }
  return next < text.length ? next : undefined;
}

function skipNewlines(text: string, from: number): number {
  let at = from;
  while (text[at] === '\r' || text[at] === '\n') at += 1;
  return at;
}

function illegal(at: number): string {
  return `illegal base64 data at input byte ${at}`;
}
