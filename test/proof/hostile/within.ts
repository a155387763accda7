/** Fails in the midst of conditions, each of which is met by one character in thousands. It is counted as the library is. */
export function failWithin(input: string): void {
  let at = input.indexOf('k');
  if (at < 0) return;
  at += 1;
  if (input[at] === '7')
    if (input[at + 1] === '~')
      if (input[at + 2] === 'Q')
        if (input[at + 3] === '{') if (input[at + 4] === '!') throw new TypeError('found within');
}
