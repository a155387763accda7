const OUTER_SPACE =
  /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/;

/** Whether Go's `strings.TrimSpace` would take something off; JavaScript's `trim` differs in U+0085 and U+FEFF. */
export function hasOuterSpace(text: string): boolean {
  return OUTER_SPACE.test(text);
}

/** A text without the characters of `ending` at its end, in one pass whatever the text, as Go's `strings.TrimRight`. */
export function trimEnd(text: string, ending: string): string {
  let end = text.length;
  while (end > 0 && ending.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}
