const SHORT = '\u0007\b\f\n\r\t\v"\\';
const HARMLESS = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Text as Go's `%q` writes it: in double quotes, with escapes for quotes and whatever does not print. */
export function goQuote(text: string): string {
  return `"${Array.from(text, quoteRune).join('')}"`;
}

function quoteRune(character: string): string {
  const short = SHORT.indexOf(character);
  if (short >= 0) return `\\${'abfnrtv"\\'.charAt(short)}`;
  if (HARMLESS.test(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  // A lone surrogate stands for a byte, or for nothing that Go could hold.
  if (code >= 0xd800 && code <= 0xdfff)
    return code >= 0xdc80 && code <= 0xdcff ? escape('x', code & 0xff, 2) : '\ufffd';
  return code < 0x80 ? escape('x', code, 2) : code < 0x10000 ? escape('u', code, 4) : escape('U', code, 8);
}

function escape(letter: string, code: number, width: number): string {
  return `\\${letter}${code.toString(16).padStart(width, '0')}`;
}
