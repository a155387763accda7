import { ImageError, StoreError } from '../../errors/index.js';
import { countJsonValues, quote } from '../../internal/index.js';
import { type Descriptor, MEDIA_TYPES, parseImageIndex } from '../../oci/index.js';
import { pickTarget } from '../../store/index.js';
import { layoutError, unlessMissing } from '../files/errors.js';
import type { LayoutFileSystem } from '../files/file-system.js';
import type { LayoutContext } from './context.js';

const REF_NAME = 'org.opencontainers.image.ref.name';
/** A layout names many images, so its index may list more than one that a registry sends, whatever is said of each. */
const MAX_BYTES = 4 * 1024 * 1024;
const LIMITS = { maxBytes: MAX_BYTES, maxValues: 262_144, maxManifests: 16_384 };

/** What `index.json` of a new layout says. */
export const EMPTY_INDEX: string = `{"schemaVersion":2,"mediaType":"${MEDIA_TYPES.ociIndex}","manifests":[]}`;
/** What `oci-layout` says. */
export const LAYOUT_MARKER = '{"imageLayoutVersion":"1.0.0"}';

/** An `index.json`: what it lists, and its text, which others may have written more into than we know. */
interface LayoutIndex {
  readonly path: string;
  readonly text: string;
  readonly manifests: readonly Descriptor[];
}

/** Reads `index.json` by the rules that hold for an index from a registry. */
export async function readLayoutIndex(fs: LayoutFileSystem, path: string): Promise<LayoutIndex> {
  return parseLayoutIndex(path, await readSmallFile(fs, path, LIMITS.maxBytes));
}

function parseLayoutIndex(path: string, bytes: Uint8Array): LayoutIndex {
  try {
    const { manifests } = parseImageIndex(bytes, { mediaType: MEDIA_TYPES.ociIndex, limits: LIMITS });
    return { path, manifests, text: new TextDecoder().decode(bytes) };
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    throw layoutError('use', path, error.message.slice(error.message.indexOf(': ') + 2), error);
  }
}

/** What a name points to; of several entries with the name the first counts, as for skopeo. */
export function findName({ manifests }: LayoutIndex, name: string): Descriptor | undefined {
  const found = manifests.find((manifest) => nameOf(manifest) === name);
  return found === undefined ? undefined : pickTarget(found);
}

/** The text of the index with the name pointing to a descriptor. Every other byte of it stays as it is. */
export function writeName(index: LayoutIndex, name: string, descriptor: Descriptor): string {
  const entry = JSON.stringify({ ...pickTarget(descriptor), annotations: { [REF_NAME]: name } });
  const { start, end, elements } = elementsOf(index.text, 'manifests');
  const named = index.manifests.flatMap((manifest, place) => (nameOf(manifest) === name ? [place] : []));
  const kept = elements.map((text, place) => (place === named[0] ? replaceBody(text, entry) : text));
  const others = kept.filter((_, place) => place === named[0] || !named.includes(place));
  const all = named.length > 0 ? others : append(others, entry);
  const text = `${index.text.slice(0, start)}${all.join(',')}${index.text.slice(end)}`;
  checkFits(index.path, text, all.length);
  return text;
}

/** All names, each once. */
export function listNames({ manifests }: LayoutIndex): readonly string[] {
  return [...new Set(manifests.map(nameOf).filter((name) => name !== undefined))];
}

/** The text of the index without a name; `undefined` when it has no such name. Every other byte of it stays as it is. */
export function removeName(index: LayoutIndex, name: string): string | undefined {
  const { start, end, elements } = elementsOf(index.text, 'manifests');
  const left = elements.filter((_, place) => {
    const manifest = index.manifests[place];
    return manifest === undefined || nameOf(manifest) !== name;
  });
  if (left.length === elements.length) return undefined;
  return `${index.text.slice(0, start)}${left.join(',')}${index.text.slice(end)}`;
}

/** The name that an entry gives. */
export function nameOf({ annotations }: Descriptor): string | undefined {
  return annotations !== undefined && Object.hasOwn(annotations, REF_NAME) ? annotations[REF_NAME] : undefined;
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
  const { maxBytes, maxManifests, maxValues } = LIMITS;
  const values = countJsonValues(text);
  if (size <= maxBytes && entries <= maxManifests && values <= maxValues) return;
  const reason =
    `it would have ${entries} entries with ${values} values in ${size} bytes, ` +
    `more than ${maxManifests}, ${maxValues} or ${maxBytes}`;
  throw new StoreError(`Cannot write ${quote(path)}: ${reason}`, { operation: 'tag' });
}

/** One bounded read of a regular file. */
async function readSmallFile(fs: LayoutFileSystem, path: string, limit: number): Promise<Uint8Array> {
  const file = await fs.open(path);
  try {
    const { kind, size } = await file.stat();
    if (kind !== 'file') throw layoutError('use', path, 'it is not a file');
    if (size > limit) throw layoutError('use', path, `it has ${size} bytes, more than ${limit}`);
    const bytes = new Uint8Array(size);
    for (let length = 0; length < size;) {
      const read = await file.read(bytes.subarray(length), length);
      if (read === 0) throw layoutError('use', path, 'it became shorter meanwhile');
      length += read;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/**
 * An array in a JSON text: where its elements start and end, and the text of each with the space around it. The space
 * behind the last one belongs to the bracket.
 */
interface TextArray {
  readonly start: number;
  readonly end: number;
  readonly elements: readonly string[];
}

/**
 * Finds the array under a key of the object that a JSON text is. With it, one element can be changed while every other
 * byte stays: numbers, escapes and fields that `JSON.parse` and `JSON.stringify` would change or lose.
 *
 * @param text - JSON that was read already, so it is known to be well-formed and to have the key once, with an array
 */
function elementsOf(text: string, key: string): TextArray {
  const commas: number[] = [];
  let start = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '"') {
      const end = endOfString(text, at);
      if (start === 0 && depth === 1) start = startOfArray(text, at, end, key);
      at = end - 1;
    } else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') {
      depth -= 1;
      if (start > 0 && depth === 1 && at >= start) return split(text, start, at, commas);
    } else if (character === ',' && start > 0 && depth === 2 && at >= start) commas.push(at);
  }
  throw new TypeError('No such array');
}

function endOfString(text: string, quote: number): number {
  for (let at = quote + 1; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '\\') at += 1;
    else if (character === '"') return at + 1;
  }
  return text.length;
}

/** Where the inside of the array begins, if the string is the key and not a value; else 0. */
function startOfArray(text: string, from: number, end: number, key: string): number {
  const opening = /[ \t\n\r]*:[ \t\n\r]*\[/y;
  opening.lastIndex = end;
  return opening.test(text) && JSON.parse(text.slice(from, end)) === key ? opening.lastIndex : 0;
}

function split(text: string, start: number, close: number, commas: readonly number[]): TextArray {
  const end = start + text.slice(start, close).trimEnd().length;
  if (end === start) return { start, end: close, elements: [] };
  const ends = [...commas, end];
  const elements = ends.map((at, place) => text.slice(place === 0 ? start : (ends[place - 1] ?? 0) + 1, at));
  return { start, end, elements };
}

/** `oci-layout` is a line of JSON; more is not read. */
const MAX_MARKER_BYTES = 4096;

/** Whether `oci-layout` is there; one that says anything but that this is a layout is refused. */
export async function readLayoutMarker({ fs, paths }: Pick<LayoutContext, 'fs' | 'paths'>): Promise<boolean> {
  const bytes = await unlessMissing(readSmallFile(fs, paths.marker, MAX_MARKER_BYTES));
  if (bytes === undefined) return false;
  if (versionOf(new TextDecoder().decode(bytes)) === '1.0.0') return true;
  throw layoutError('use', paths.marker, 'it does not say that this is an OCI image layout of version 1.0.0');
}

function versionOf(text: string): unknown {
  try {
    const marker: unknown = JSON.parse(text);
    return typeof marker === 'object' && marker !== null && 'imageLayoutVersion' in marker
      ? marker.imageLayoutVersion
      : undefined;
  } catch {
    return undefined;
  }
}
