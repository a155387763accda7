/**
 * An array in a JSON text: what stands before its elements, the text of each with the space around it, and what stands
 * behind them. The space behind the last one belongs to the bracket.
 */
export interface TextArray {
  readonly head: string;
  readonly elements: readonly string[];
  readonly tail: string;
}

/** The whole text. */
export function textOf({ head, elements, tail }: TextArray): string {
  return `${head}${elements.join(',')}${tail}`;
}

/**
 * Finds the array under a key of the object that a JSON text is. With it, one element can be changed while every other
 * byte stays: numbers, escapes and fields that `JSON.parse` and `JSON.stringify` would change or lose.
 *
 * @param text - JSON that was read already, so it is known to be well-formed, an object, and to have the key once; null is an
 * empty array, as for Go
 */
export function elementsOf(text: string, key: string): TextArray {
  const commas: number[] = [];
  let start = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '"') {
      const end = endOfString(text, at);
      const value = start === 0 && depth === 1 ? endOfOpening(text, at, end, key) : 0;
      if (value > 0 && text.charAt(value - 1) !== '[') return elementsOf(withArrayFor(text, value), key);
      if (value > 0) start = value;
      at = end - 1;
    } else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') {
      depth -= 1;
      if (start > 0 && depth === 1 && at >= start) return split(text, start, at, commas);
    } else if (character === ',' && start > 0 && depth === 2 && at >= start) commas.push(at);
  }
  throw new RangeError(`The text has no ${key}`);
}

/** The text with an empty array in the place of the `null` that ends there. */
function withArrayFor(text: string, end: number): string {
  return `${text.slice(0, end - 'null'.length)}[]${text.slice(end)}`;
}

function endOfString(text: string, quote: number): number {
  for (let at = quote + 1; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '\\') at += 1;
    else if (character === '"') return at + 1;
  }
  return text.length;
}

/** Where the bracket or the null behind the key ends, if the string is the key and not a value; else 0. */
function endOfOpening(text: string, from: number, end: number, key: string): number {
  const opening = /[ \t\n\r]*:[ \t\n\r]*(?:\[|null)/y;
  opening.lastIndex = end;
  return opening.test(text) && JSON.parse(text.slice(from, end)) === key ? opening.lastIndex : 0;
}

function split(text: string, start: number, close: number, commas: readonly number[]): TextArray {
  const end = start + text.slice(start, close).trimEnd().length;
  const head = text.slice(0, start);
  if (end === start) return { head, elements: [], tail: text.slice(close) };
  const ends = [...commas, end];
  const elements = ends.map((at, place) => text.slice(place === 0 ? start : (ends[place - 1] ?? 0) + 1, at));
  return { head, elements, tail: text.slice(end) };
}
