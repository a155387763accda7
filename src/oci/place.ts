import { ImageError } from '../errors/index.js';
import { type JsonNode, quote } from '../internal/index.js';

/** A value in a document, and where it stands. */
export interface Place {
  /** What the document is, for messages, such as `image manifest`. */
  readonly document: string;
  /** Such as `layers[3].size`; empty for the document itself. */
  readonly path: string;
  readonly node: JsonNode;
}

/** The error for a value that is not what it must be: it says where and what, and quotes little. */
export function refuse(place: Pick<Place, 'document' | 'path'>, reason: string): ImageError<'ERR_REGISTRY_DOCUMENT'> {
  const where = place.path === '' ? 'it' : place.path;
  return new ImageError('ERR_REGISTRY_DOCUMENT', `Cannot read ${place.document}: ${where} ${reason}`);
}

/** A value for a message, by its kind alone when it has no short form. */
export function show(node: JsonNode): string {
  if (node.kind === 'string') return quote(node.value);
  if (node.kind === 'number') return quote(node.text).slice(1, -1);
  if (node.kind === 'boolean') return String(node.value);
  return node.kind === 'null' ? 'null' : `an ${node.kind}`;
}

/** Null is the empty text, as Go reads it. */
export function readText(place: Place): string {
  if (place.node.kind === 'string') return place.node.value;
  if (place.node.kind === 'null') return '';
  throw refuse(place, `must be a string, not ${show(place.node)}`);
}

/** A whole number that is exact in JavaScript. `1.0`, `1e3` and `-0` are refused, as are numbers too large to be exact. */
export function readSize(place: Place): number {
  const { node } = place;
  const size = node.kind === 'number' && /^(?:0|[1-9]\d*)$/.test(node.text) ? Number(node.text) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw refuse(place, `must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, not ${show(node)}`);
}

const NO_LIMIT = { limit: Number.MAX_SAFE_INTEGER, name: '' };

/** What is missing or null is the empty list, as Go reads it. The limit's name is that of the option that moves it. */
export function readList(
  place: Place | undefined,
  { limit, name }: { readonly limit: number; readonly name: string } = NO_LIMIT,
): readonly Place[] {
  if (place === undefined) return [];
  const { node, path, document } = place;
  if (node.kind !== 'array') throw refuse(place, `must be an array, not ${show(node)}`);
  if (node.items.length > limit)
    throw refuse(place, `has ${node.items.length} entries, more than ${limit} (limit ${name})`);
  return node.items.map((item, index) => ({ document, path: `${path}[${index}]`, node: item }));
}

/** An object of strings under keys of the author's choice. A key that occurs twice is refused: readers differ on it. */
export function readTextMap(place: Place): Readonly<Record<string, string>> {
  const { node, path, document } = place;
  if (node.kind !== 'object') throw refuse(place, `must be an object, not ${show(node)}`);
  const entries = new Map<string, string>();
  for (const { key, value } of node.members) {
    const member = { document, path: `${path}[${quote(key)}]`, node: value };
    if (entries.has(key)) throw refuse(member, 'occurs twice');
    entries.set(key, readText(member));
  }
  // Object.fromEntries defines own properties, also for a key such as __proto__.
  return Object.fromEntries(entries);
}
