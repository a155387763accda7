const LONE_SURROGATE = /[\ud800-\udfff]/u;
const LONE_SURROGATES = /[\ud800-\udfff]/gu;
const SHORT = 64;
const UNSAFE = /["\\<>&\u0000-\u001f\u2028\u2029]|[\ud800-\udfff]/gu;

/** Text whose lone surrogates became U+FFFD, which is all that Go can make of them. */
export function wellFormed(text: string): string {
  if (!LONE_SURROGATE.test(text)) return text;
  // Of short texts there may be very many.
  if (text.length <= SHORT) return text.replaceAll(LONE_SURROGATES, '\ufffd');
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(text));
}

/** The value of a JSON string that has been checked, given what stands between its quotes. */
export function unquoteJson(body: string): string {
  // Most keys are short and plain.
  if (isPlain(body)) return body;
  // Raw text first: what is lone there must not pair with an escaped half.
  const raw = wellFormed(body);
  return raw.includes('\\') ? wellFormed(JSON.parse(`"${raw}"`) as string) : raw;
}

/** A short text without anything that must be looked at; of a long one nobody knows. */
function isPlain(text: string): boolean {
  if (text.length > SHORT) return false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x5c || (code >= 0xd800 && code <= 0xdfff)) return false;
  }
  return true;
}

/**
 * Text as Go's encoder writes it: safe inside HTML (`<`, `>`, `&` and the line separators escaped), and what is not
 * Unicode as `\ufffd`. `JSON.stringify` does neither.
 */
export function quoteJson(text: string): string {
  return `"${text.replace(UNSAFE, escapeUnsafe)}"`;
}

function escapeUnsafe(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20 || code === 0x22 || code === 0x5c) return JSON.stringify(character).slice(1, -1);
  return `\\u${(code >= 0xd800 ? 0xfffd : code).toString(16).padStart(4, '0')}`;
}

/** Go's text for a byte at which no JSON goes on. Non-ASCII shows as the Latin-1 letter of its first byte. */
export function invalidCharacter(byte: number, context: string): string {
  return `invalid character '${quoteByte(byte)}' ${context}`;
}

function quoteByte(byte: number): string {
  const character = String.fromCharCode(byte);
  if (byte === 0x27 || byte === 0x5c) return `\\${character}`;
  const short = '\u0007\b\t\n\v\f\r'.indexOf(character);
  if (short >= 0) return `\\${'abtnvfr'.charAt(short)}`;
  if (byte < 0x20 || byte === 0x7f) return `\\x${byte.toString(16).padStart(2, '0')}`;
  return (byte > 0x7e && byte < 0xa1) || byte === 0xad ? `\\u00${byte.toString(16)}` : character;
}
