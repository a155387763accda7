/**
 * A Go string as Go's glob sees it, byte by byte: the code point where one starts, and a negative number for the other
 * bytes of a character and for one that is not UTF-8, see `decodeUtf8`.
 */
export function runesOf(text: string): readonly number[] {
  const runes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const rune = code >= 0xdc80 && code <= 0xdcff ? -code : code;
    runes.push(rune);
    for (let rest = widthOf(rune); rest > 1; rest -= 1) runes.push(-1);
  }
  return runes;
}

/** How many bytes a rune takes in UTF-8. */
export function widthOf(rune: number): number {
  return rune < 0x80 ? 1 : rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
}
