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
import { elementsOf, type TextArray, textOf } from './index-text.js';

/** A layout names many images, so its index may list more than one that a registry sends, whatever is said of each. */
const MAX_BYTES = 4 * 1024 * 1024;
export const LAYOUT_INDEX_LIMITS: Pick<DocumentLimits, 'maxBytes' | 'maxValues' | 'maxManifests'> = {
  maxBytes: MAX_BYTES,
  maxValues: 262_144,
  maxManifests: 16_384,
};

/**
 * Where entries stand, by what they are listed under and by their ref. An index and those that came of it by adding share
 * it: of its places, those count that the index has.
 */
interface NamePlaces {
  /** How many entries it knows. */
  entries: number;
  readonly byName: Map<string, number[]>;
  readonly byRef: Map<string, number[]>;
}

/** What is worked out of an index when it is asked for, once. */
interface Derived {
  readonly places: NamePlaces;
  readonly array: TextArray;
  /** How many values the text has, as its limit counts them, and how many bytes. */
  readonly size: IndexSize;
}

interface IndexSize {
  readonly values: number;
  readonly bytes: number;
}

/** An `index.json`: what it lists, and its text, which others may have written more into than we know. */
export interface LayoutIndex {
  readonly path: string;
  readonly manifests: readonly Descriptor[];
  text(this: void): string;
  /** Where the entries with a name stand, in order. */
  named(this: void, name: string): readonly number[];
  /** Where the entries with a ref stand, in order. */
  referred(this: void, ref: string): readonly number[];
  /** All names, each once. */
  names(this: void): readonly string[];
  places(this: void): NamePlaces;
  array(this: void): TextArray;
  size(this: void): IndexSize;
}

/** Reads the bytes of an `index.json` by the rules that hold for an index from a registry; `path` is for messages. */
export function parseLayoutIndex(path: string, bytes: Uint8Array): LayoutIndex {
  const { manifests } = reading(path, () =>
    parseImageIndex(bytes, { mediaType: MEDIA_TYPES.ociIndex, limits: LAYOUT_INDEX_LIMITS }),
  );
  const text = new TextDecoder().decode(bytes);
  return createLayoutIndex(path, manifests, {
    get array() {
      return elementsOf(text, 'manifests');
    },
  });
}

function reading<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    throw layoutError('use', path, reasonOf(error), error);
  }
}

/** An index of what it lists, and of its text. */
function createLayoutIndex(
  path: string,
  manifests: readonly Descriptor[],
  known: Pick<Derived, 'array'> & { readonly [Name in keyof Derived]?: Derived[Name] | undefined },
): LayoutIndex {
  let { places, size } = known;
  let array: TextArray | undefined;
  const arrayOf = (): TextArray => (array ??= known.array);
  const placesOf = (): NamePlaces => (places ??= findPlaces(manifests));
  const own = (found: readonly number[] = []): readonly number[] =>
    (found.at(-1) ?? 0) < manifests.length ? found : found.filter((place) => place < manifests.length);
  return {
    path,
    manifests,
    text: () => textOf(arrayOf()),
    named: (name) => own(placesOf().byName.get(name)),
    referred: (ref) => own(placesOf().byRef.get(ref)),
    names: () =>
      Array.from(placesOf().byName)
        .filter(([, [first = 0]]) => first < manifests.length)
        .map(([name]) => name),
    places: placesOf,
    array: arrayOf,
    size: () => (size ??= sizeOf(textOf(arrayOf()))),
  };
}

function sizeOf(text: string): IndexSize {
  return { values: countJsonValues(text), bytes: Buffer.byteLength(text) };
}

function findPlaces(manifests: readonly Descriptor[]): NamePlaces {
  const places: NamePlaces = { entries: 0, byName: new Map(), byRef: new Map() };
  addPlaces(places, manifests);
  return places;
}

/** Takes in the entries that it does not know. */
function addPlaces(places: NamePlaces, manifests: readonly Descriptor[]): void {
  const add = (map: Map<string, number[]>, key: string, place: number): void => {
    const found = map.get(key);
    if (found === undefined) map.set(key, [place]);
    else found.push(place);
  };
  for (const manifest of manifests.slice(places.entries)) {
    const { name, ref } = namesOf(manifest);
    add(places.byName, name, places.entries);
    if (ref !== undefined) add(places.byRef, ref, places.entries);
    places.entries += 1;
  }
}

/** New texts of entries by their place; `undefined` for one that goes. */
export type EditedEntries = ReadonlyMap<number, string | undefined>;

/**
 * An index in which some entries are changed and one is added at the end, set as the last one is. Only these are read, and
 * the whole text is put together only when it is written: who names many images in a layout of 10,000 does not wait for
 * all of them each time.
 *
 * @throws StoreError when the text could not be read again
 */
export function editLayoutIndex(index: LayoutIndex, edited: EditedEntries, entry?: string): LayoutIndex {
  const { path, manifests } = index;
  const old = index.array();
  const elements = withEdits(old.elements, edited, (text) => text);
  const added = entry === undefined ? [] : [`${spaceBefore(elements.at(-1))}${entry}`];
  for (const element of added) elements.push(element);
  const size = sizeEdited(index, edited, added, elements.length);
  checkFits(path, elements.length, size);
  const array = withLastAtBracket({ ...old, elements });
  // A list with entries that the reader passes over has no element for each manifest: then the new text is read in whole.
  if (array === undefined || old.elements.length !== manifests.length)
    return parseLayoutIndex(path, new TextEncoder().encode(textOf({ ...old, elements })));
  const read = (body: string): Descriptor => readEntry(path, body);
  const listed = [...withEdits(manifests, edited, read), ...added.map(read)];
  return createLayoutIndex(path, listed, { size, array, places: placesAfter(index, edited, listed) });
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

/** Values and bytes of entries add up: an entry has as many beside others as it has alone. */
function sizeEdited(index: LayoutIndex, edited: EditedEntries, added: readonly string[], entries: number): IndexSize {
  const { elements } = index.array();
  const changed = [...edited].map(([place, text]) => ({ before: elements[place] ?? '', after: text ?? '' }));
  const old = index.size();
  const commas = Math.max(0, entries - 1) - Math.max(0, elements.length - 1);
  const size = { values: old.values, bytes: old.bytes + commas };
  for (const { before, after } of [...changed, ...added.map((after) => ({ before: '', after }))]) {
    size.values += (after === '' ? 0 : countJsonValues(after)) - (before === '' ? 0 : countJsonValues(before));
    size.bytes += Buffer.byteLength(after) - Buffer.byteLength(before);
  }
  return size;
}

/** The array with the space behind its last element as the bracket's, also where another element was the last one before. */
function withLastAtBracket({ head, elements, tail }: TextArray): TextArray | undefined {
  const last = elements.at(-1);
  if (last === undefined) return undefined;
  const body = last.trimEnd();
  if (body === last) return { head, elements, tail };
  return { head, elements: [...elements.slice(0, -1), body], tail: `${last.slice(body.length)}${tail}` };
}

/** The places after an edit that moved no entry and renamed none; `undefined` where they have to be looked for. */
function placesAfter(index: LayoutIndex, edited: EditedEntries, listed: readonly Descriptor[]): NamePlaces | undefined {
  const { manifests } = index;
  if (hasGone(edited)) return undefined;
  for (const place of edited.keys()) if (!sameNames(manifests[place], listed[place])) return undefined;
  const places = index.places();
  // Another index has added to it, which may be one that was never written.
  if (places.entries !== manifests.length) return undefined;
  addPlaces(places, listed);
  return places;
}

function sameNames(a: Descriptor | undefined, b: Descriptor | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  const [before, after] = [namesOf(a), namesOf(b)];
  return before.name === after.name && before.ref === after.ref;
}

/** What could not be read again must not be written. */
function checkFits(path: string, entries: number, { values, bytes }: IndexSize): void {
  const { maxBytes, maxManifests, maxValues } = LAYOUT_INDEX_LIMITS;
  if (bytes <= maxBytes && entries <= maxManifests && values <= maxValues) return;
  const reason =
    `it would have ${entries} entries with ${values} values in ${bytes} bytes, ` +
    `more than ${maxManifests}, ${maxValues} or ${maxBytes}`;
  throw new StoreError(`Cannot write ${quote(path)}: ${reason}`, { operation: 'tag' });
}
