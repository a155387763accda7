import { ImageError, StoreError } from '../../errors/index.js';
import { reasonOf } from '../../errors/inner.js';
import { countJsonValues, quote } from '../../internal/index.js';
import {
  type Descriptor,
  type DocumentLimits,
  MEDIA_TYPES,
  parseDescriptor,
  parseImageIndex,
} from '../../oci/index.js';
import { layoutError } from '../files/errors.js';
import { namesOf } from './entry-names.js';
import { elementsOf, type TextArray } from './index-text.js';

/** A layout names many images, so its index may list more than one that a registry sends, whatever is said of each. */
const MAX_BYTES = 4 * 1024 * 1024;
export const LAYOUT_INDEX_LIMITS: Pick<DocumentLimits, 'maxBytes' | 'maxValues' | 'maxManifests'> = {
  maxBytes: MAX_BYTES,
  maxValues: 262_144,
  maxManifests: 16_384,
};

/** Where the entries of an index stand, by what they are listed under and by their ref. */
interface NamePlaces {
  readonly byName: ReadonlyMap<string, readonly number[]>;
  readonly byRef: ReadonlyMap<string, readonly number[]>;
}

/** What is worked out of an index when it is asked for, once. */
interface Derived {
  readonly places: NamePlaces;
  readonly array: TextArray;
  /** How many values the text has, as its limit counts them. */
  readonly values: number;
}

/** An `index.json`: what it lists, and its text, which others may have written more into than we know. */
export interface LayoutIndex {
  readonly path: string;
  readonly text: string;
  readonly manifests: readonly Descriptor[];
  places(this: void): NamePlaces;
  array(this: void): TextArray;
  values(this: void): number;
}

/** Reads the bytes of an `index.json` by the rules that hold for an index from a registry; `path` is for messages. */
export function parseLayoutIndex(path: string, bytes: Uint8Array): LayoutIndex {
  const { manifests } = reading(path, () =>
    parseImageIndex(bytes, { mediaType: MEDIA_TYPES.ociIndex, limits: LAYOUT_INDEX_LIMITS }),
  );
  return createLayoutIndex(path, new TextDecoder().decode(bytes), manifests);
}

function reading<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    throw layoutError('use', path, reasonOf(error), error);
  }
}

/** An index of its text, and of what that lists. */
function createLayoutIndex(
  path: string,
  text: string,
  manifests: readonly Descriptor[],
  known: { readonly [Name in keyof Derived]?: Derived[Name] | undefined } = {},
): LayoutIndex {
  let { places, array, values } = known;
  const arrayOf = (): TextArray => (array ??= elementsOf(text, 'manifests'));
  return {
    path,
    text,
    manifests,
    places: () => (places ??= findPlaces(manifests)),
    array: arrayOf,
    values: () => (values ??= countJsonValues(arrayOf().text)),
  };
}

function findPlaces(manifests: readonly Descriptor[]): NamePlaces {
  const [byName, byRef] = [new Map<string, number[]>(), new Map<string, number[]>()];
  const add = (map: Map<string, number[]>, key: string, place: number): void => {
    const places = map.get(key);
    if (places === undefined) map.set(key, [place]);
    else places.push(place);
  };
  for (const [place, manifest] of manifests.entries()) {
    const { name, ref } = namesOf(manifest);
    add(byName, name, place);
    if (ref !== undefined) add(byRef, ref, place);
  }
  return { byName, byRef };
}

/** New texts of entries by their place; `undefined` for one that goes. */
export type EditedEntries = ReadonlyMap<number, string | undefined>;

/**
 * An index in which some entries are changed and one is added at the end, set as the last one is. Only these are read: who
 * names many images in a layout of 10,000 does not wait for all of them each time.
 *
 * @throws StoreError when the text could not be read again
 */
export function editLayoutIndex(index: LayoutIndex, edited: EditedEntries, entry?: string): LayoutIndex {
  const { path, manifests, array } = index;
  const old = array();
  const elements = withEdits(old.elements, edited, (text) => text);
  const added = entry === undefined ? [] : [`${spaceBefore(elements.at(-1))}${entry}`];
  for (const element of added) elements.push(element);
  const [head, tail] = [old.text.slice(0, old.start), old.text.slice(old.end)];
  const text = `${head}${elements.join(',')}${tail}`;
  const values = countEdited(index, edited, added);
  checkFits(path, text, { entries: elements.length, values });
  // A list with entries that the reader passes over has no element for each manifest: then the new text is read in whole.
  if (old.elements.length !== manifests.length) return parseLayoutIndex(path, new TextEncoder().encode(text));
  const read = (body: string): Descriptor => readEntry(path, body);
  const listed = [...withEdits(manifests, edited, read), ...added.map(read)];
  return createLayoutIndex(path, text, listed, {
    values,
    array: arrayWith(text, head, elements, tail),
    places: placesAfter(index, edited, listed),
  });
}

/** The list with what the edited texts are in it. */
function withEdits<T>(list: readonly T[], edited: EditedEntries, of: (text: string) => T): T[] {
  const changed = [...list];
  for (const [place, text] of edited) if (text !== undefined) changed[place] = of(text);
  return hasGone(edited)
    ? changed.filter((_, place) => !edited.has(place) || edited.get(place) !== undefined)
    : changed;
}

function spaceBefore(element = ''): string {
  return element.slice(0, element.length - element.trimStart().length);
}

function hasGone(edited: EditedEntries): boolean {
  return [...edited.values()].includes(undefined);
}

function readEntry(path: string, text: string): Descriptor {
  return reading(path, () => parseDescriptor(new TextEncoder().encode(text), { limits: LAYOUT_INDEX_LIMITS }));
}

/** Values of entries add up: an entry has as many beside others as it has alone. */
function countEdited({ array, values }: LayoutIndex, edited: EditedEntries, added: readonly string[]): number {
  let count = added.reduce((sum, text) => sum + countJsonValues(text), values());
  for (const [place, text] of edited) {
    count -= countJsonValues(array().elements[place] ?? '');
    if (text !== undefined) count += countJsonValues(text);
  }
  return count;
}

/** The array of a text that was put together; `undefined` where the text has to be looked at. */
function arrayWith(text: string, head: string, elements: readonly string[], tail: string): TextArray | undefined {
  const last = elements.at(-1);
  if (last === undefined) return undefined;
  // The space behind the last element belongs to the bracket, also where another element was the last one before.
  const body = last.trimEnd();
  const end = text.length - tail.length - (last.length - body.length);
  return { text, start: head.length, end, elements: body === last ? elements : [...elements.slice(0, -1), body] };
}

/** The places after an edit that moved no entry and renamed none; `undefined` where they have to be looked for. */
function placesAfter(
  { manifests, places }: LayoutIndex,
  edited: EditedEntries,
  listed: readonly Descriptor[],
): NamePlaces | undefined {
  if (hasGone(edited)) return undefined;
  for (const place of edited.keys()) if (!sameNames(manifests[place], listed[place])) return undefined;
  if (listed.length === manifests.length) return places();
  const [byName, byRef] = [new Map(places().byName), new Map(places().byRef)];
  const add = (map: Map<string, readonly number[]>, key: string, place: number): void =>
    void map.set(key, [...(map.get(key) ?? []), place]);
  for (const [more, manifest] of listed.slice(manifests.length).entries()) {
    const { name, ref } = namesOf(manifest);
    add(byName, name, manifests.length + more);
    if (ref !== undefined) add(byRef, ref, manifests.length + more);
  }
  return { byName, byRef };
}

function sameNames(a: Descriptor | undefined, b: Descriptor | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  const [before, after] = [namesOf(a), namesOf(b)];
  return before.name === after.name && before.ref === after.ref;
}

/** What could not be read again must not be written. */
function checkFits(
  path: string,
  text: string,
  { entries, values }: { readonly entries: number; readonly values: number },
): void {
  const size = Buffer.byteLength(text);
  const { maxBytes, maxManifests, maxValues } = LAYOUT_INDEX_LIMITS;
  if (size <= maxBytes && entries <= maxManifests && values <= maxValues) return;
  const reason =
    `it would have ${entries} entries with ${values} values in ${size} bytes, ` +
    `more than ${maxManifests}, ${maxValues} or ${maxBytes}`;
  throw new StoreError(`Cannot write ${quote(path)}: ${reason}`, { operation: 'tag' });
}
