const LONE_SURROGATE = /[\ud800-\udfff]/u;
const UNSAFE = /["\\<>&\u0000-\u001f\u2028\u2029]|[\ud800-\udfff]/gu;

/** Text whose lone surrogates became U+FFFD, which is all that Go can make of them. It is as long as before. */
export function wellFormed(text: string): string {
  if (!LONE_SURROGATE.test(text)) return text;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(text));
}

/** The value of a JSON string that has been checked and is well-formed, given what stands between its quotes. */
export function unquoteJson(body: string): string {
  return body.includes('\\') ? wellFormed(JSON.parse(`"${body}"`) as string) : body;
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
