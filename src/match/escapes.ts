/**
 * Decodes well-formed `%XX`. In a run of escapes that is not UTF-8, each byte beyond ASCII becomes a lone surrogate, as
 * `decodeUtf8` has it.
 */
export function decodeEscapes(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      return run.replace(/%(..)/g, (_, hex: string) => byteText(Number.parseInt(hex, 16)));
    }
  });
}

function byteText(byte: number): string {
  return String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte);
}
