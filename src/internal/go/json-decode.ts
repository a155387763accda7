import type { JsonNode } from './json.js';

/** Go's word for the kind of a JSON value, as its type errors use it. */
export function goKind(node: JsonNode): string {
  return node.kind === 'boolean' ? 'bool' : node.kind;
}

/** The text of Go's `UnmarshalTypeError`; `field` is `Struct.path`, absent for a value outside any struct. */
export function cannotUnmarshal(value: string, type: string, field?: string): string {
  const place = field === undefined ? 'value' : `struct field ${field}`;
  return `json: cannot unmarshal ${value} into Go ${place} of type ${type}`;
}

/**
 * The struct field that an object key names: equal but for case, by Unicode's simple folding. So U+017F stands for `s`
 * and U+212A for `k`. Any number of keys may name one field; they apply in the document's order.
 *
 * @param names - the fields' JSON names, ASCII
 */
export function matchField<N extends string>(key: string, names: readonly N[]): N | undefined {
  for (const name of names) if (name === key) return name;
  for (const name of names) if (isFolded(key, name)) return name;
  return undefined;
}

/** Folding keeps the length. No text is made: there may be very many keys. */
function isFolded(key: string, name: string): boolean {
  if (key.length !== name.length) return false;
  for (let at = 0; at < key.length; at += 1) {
    if (foldCode(key.charCodeAt(at)) !== foldCode(name.charCodeAt(at))) return false;
  }
  return true;
}

function foldCode(code: number): number {
  if (code >= 0x41 && code <= 0x5a) return code | 0x20;
  return code === 0x17f ? 0x73 : code === 0x212a ? 0x6b : code;
}
