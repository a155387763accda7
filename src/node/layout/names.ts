import { isDigest } from '../../digest/index.js';
import { StoreError } from '../../errors/index.js';
import { countJsonValues, quote } from '../../internal/index.js';
import type { Descriptor } from '../../oci/index.js';
import { pickTarget } from '../../store/index.js';
import { LAYOUT_INDEX_LIMITS, type LayoutIndex } from './documents.js';

const REF_NAME = 'org.opencontainers.image.ref.name';
/** Where `docker save` and `ctr images export` put the whole name; the tag alone is the other one then. */
const FULL_NAME = 'io.containerd.image.name';

/**
 * What an entry is called. `name` is what it is listed under: its whole name, or else its ref, or else its digest. A `ref`
 * beside a whole name is a short form, which several images may share.
 */
interface EntryNames {
  readonly name: string;
  readonly ref: string | undefined;
  readonly full: string | undefined;
}

export function namesOf({ annotations = {}, digest }: Descriptor): EntryNames {
  const textOf = (key: string): string | undefined => {
    const value = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
    return value === '' ? undefined : value;
  };
  const [ref, full] = [textOf(REF_NAME), textOf(FULL_NAME)];
  return { ref, full, name: full ?? ref ?? digest };
}

/**
 * What a name points to. Of several entries with the name the first counts, as for skopeo; whole names come before short
 * forms and digests. An empty name is the only entry of a layout.
 */
export function findName({ manifests }: LayoutIndex, name: string): Descriptor | undefined {
  const found =
    name === '' && manifests.length === 1
      ? manifests[0]
      : (manifests.find((entry) => namesOf(entry).name === name) ??
        manifests.find((entry) => namesOf(entry).ref === name) ??
        (isDigest(name) ? manifests.find(({ digest }) => digest === name) : undefined));
  return found === undefined ? undefined : pickTarget(found);
}

/** All names, each once; an entry without one is listed by its digest. */
export function listNames({ manifests }: LayoutIndex): readonly string[] {
  return [...new Set(manifests.map((entry) => namesOf(entry).name))];
}

/**
 * The text of the index with the name pointing to a descriptor. Entries of other images lose the name, and stay. Every
 * other byte of the text stays as it is.
 */
export function writeName(index: LayoutIndex, name: string, descriptor: Descriptor): string {
  const at = index.manifests.findIndex((entry) => namesOf(entry).name === name);
  const short = index.manifests.find((entry) => namesOf(entry).ref === name);
  if (at < 0 && short?.digest === descriptor.digest) return index.text;
  const old = index.manifests[at];
  const entry = entryText(descriptor, old === undefined ? { ref: name, full: undefined } : namesOf(old), name);
  const edited = editEntries(index, (manifest, text, place) => {
    if (place === at) return replaceBody(text, entry);
    return withoutName(manifest, text, name, manifest.digest === (old ?? descriptor).digest);
  });
  const { head, elements, tail } = edited;
  const all = at < 0 ? append(elements, entry) : elements;
  const text = `${head}${all.join(',')}${tail}`;
  checkFits(index.path, text, all.length);
  return text;
}

/**
 * The text of the index without a name; `undefined` when it has no such name. An entry with a whole name loses a short
 * form, and stays. Every other byte of the text stays as it is.
 */
export function removeName(index: LayoutIndex, name: string): string | undefined {
  const isNamed = ({ name: own, ref }: EntryNames): boolean => own === name || ref === name;
  if (!index.manifests.some((entry) => isNamed(namesOf(entry)))) return undefined;
  const { head, elements, tail } = editEntries(index, (manifest, text) => withoutName(manifest, text, name, true));
  return `${head}${elements.join(',')}${tail}`;
}

/** An entry without a name; `undefined` when it had no other, and may go then. */
function withoutName(manifest: Descriptor, text: string, name: string, mayGo: boolean): string | undefined {
  const names = namesOf(manifest);
  if (names.name !== name && names.ref !== name) return text;
  if (names.name === name && mayGo) return undefined;
  const gone = names.full === name ? [FULL_NAME, REF_NAME] : [REF_NAME];
  const { annotations = {}, ...rest } = JSON.parse(text) as { readonly annotations?: Record<string, string> };
  const kept = Object.entries(annotations).filter(([key]) => !gone.includes(key));
  const entry = kept.length === 0 ? rest : { ...rest, annotations: Object.fromEntries(kept) };
  return replaceBody(text, JSON.stringify(entry));
}

/** A new entry; one that had a whole name keeps it, and the short form beside it. */
function entryText(descriptor: Descriptor, { ref, full }: Pick<EntryNames, 'ref' | 'full'>, name: string): string {
  const annotations = full === undefined ? { [REF_NAME]: name } : { [REF_NAME]: ref ?? full, [FULL_NAME]: full };
  return JSON.stringify({ ...pickTarget(descriptor), annotations });
}

/** The text of an index in which entries were changed or left out. */
interface EditedIndex {
  readonly head: string;
  readonly elements: readonly string[];
  readonly tail: string;
}

function editEntries(
  { text, manifests }: LayoutIndex,
  edit: (manifest: Descriptor, text: string, place: number) => string | undefined,
): EditedIndex {
  const array = elementsOf(text, 'manifests');
  const elements = array.elements.flatMap((element, place) => {
    const manifest = manifests[place];
    const edited = manifest === undefined ? element : edit(manifest, element, place);
    return edited === undefined ? [] : [edited];
  });
  return { head: array.text.slice(0, array.start), elements, tail: array.text.slice(array.end) };
}

/** Another text in the white space of the old one. */
function replaceBody(old: string, body: string): string {
  const lead = old.length - old.trimStart().length;
  return `${old.slice(0, lead)}${body}${old.slice(old.trimEnd().length)}`;
}

/** A new element, set as the last one is. */
function append(elements: readonly string[], entry: string): readonly string[] {
  const last = elements.at(-1) ?? '';
  const lead = last.slice(0, last.length - last.trimStart().length);
  return [...elements, `${lead}${entry}`];
}

/** What could not be read again must not be written. */
function checkFits(path: string, text: string, entries: number): void {
  const size = new TextEncoder().encode(text).length;
  const { maxBytes, maxManifests, maxValues } = LAYOUT_INDEX_LIMITS;
  const values = countJsonValues(text);
  if (size <= maxBytes && entries <= maxManifests && values <= maxValues) return;
  const reason =
    `it would have ${entries} entries with ${values} values in ${size} bytes, ` +
    `more than ${maxManifests}, ${maxValues} or ${maxBytes}`;
  throw new StoreError(`Cannot write ${quote(path)}: ${reason}`, { operation: 'tag' });
}

/**
 * An array in a JSON text: where its elements start and end, and the text of each with the space around it. The space
 * behind the last one belongs to the bracket.
 */
interface TextArray {
  /** The whole text, with brackets where it had no array. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly elements: readonly string[];
}

/**
 * Finds the array under a key of the object that a JSON text is. With it, one element can be changed while every other
 * byte stays: numbers, escapes and fields that `JSON.parse` and `JSON.stringify` would change or lose.
 *
 * @param text - JSON that was read already, so it is known to be well-formed, an object, and to have the key no more than once; one that is
 * null or missing is an empty array, as for Go
 */
function elementsOf(text: string, key: string): TextArray {
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
  return elementsOf(withMember(text, key), key);
}

/** The text with an empty array in the place of the `null` that ends there. */
function withArrayFor(text: string, end: number): string {
  return `${text.slice(0, end - 'null'.length)}[]${text.slice(end)}`;
}

/** The text of an object with an empty array as its last member. */
function withMember(text: string, key: string): string {
  const end = text.lastIndexOf('}');
  const before = text.slice(0, end).trimEnd();
  return `${before}${before.endsWith('{') ? '' : ','}${JSON.stringify(key)}:[]${text.slice(before.length)}`;
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
  if (end === start) return { text, start, end: close, elements: [] };
  const ends = [...commas, end];
  const elements = ends.map((at, place) => text.slice(place === 0 ? start : (ends[place - 1] ?? 0) + 1, at));
  return { text, start, end, elements };
}
