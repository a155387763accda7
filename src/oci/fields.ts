import { quote } from '../internal/index.js';
import { type Place, refuse, show } from './place.js';

/** The members of an object that are known by name. */
export interface Fields {
  /** The member, or `undefined` when it is missing or null. */
  optional(key: string): Place | undefined;
  /** The member; one that is missing or null is refused. */
  required(key: string): Place;
  /** Whether the member is there at all, be it null. */
  has(key: string): boolean;
}

/**
 * Reads an object's known members. Go's decoder takes `Layers` for `layers`, and of two the last; other readers do not.
 * So that all read the same, a known key that occurs twice or in other case is refused.
 */
export function readFields(place: Place, known: readonly string[]): Fields {
  const { node, document } = place;
  if (node.kind !== 'object') throw refuse(place, `must be an object, not ${show(node)}`);
  const names = new Map(known.map((key) => [foldCase(key), key]));
  const members = new Map<string, Place>();
  for (const { key, value } of node.members) {
    const name = names.get(foldCase(key));
    if (name === undefined) continue;
    const member = { document, path: pathOf(place, name), node: value };
    if (key !== name) throw refuse(member, `is written ${quote(key)}, which some readers take for it`);
    if (members.has(name)) throw refuse(member, 'occurs twice');
    members.set(name, member);
  }
  const optional = (key: string): Place | undefined => {
    const member = members.get(key);
    return member?.node.kind === 'null' ? undefined : member;
  };
  const required = (key: string): Place => {
    const member = optional(key);
    if (member === undefined) throw refuse({ document, path: pathOf(place, key) }, 'is missing');
    return member;
  };
  return { optional, required, has: (key) => members.has(key) };
}

function pathOf(place: Place, key: string): string {
  return place.path === '' ? key : `${place.path}.${key}`;
}

/** Go's folding of field names: case, and the two characters beyond ASCII that fold to a letter of it. */
function foldCase(key: string): string {
  return key.toUpperCase().toLowerCase();
}
