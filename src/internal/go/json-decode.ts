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
  const exact = names.find((name) => name === key);
  // Folding keeps the length: this is cheap, and there may be very many keys.
  if (exact !== undefined || !names.some(({ length }) => length === key.length)) return exact;
  const folded = foldKey(key);
  return names.find((name) => foldKey(name) === folded);
}

function foldKey(key: string): string {
  return key.replaceAll('\u017f', 's').toLowerCase();
}
