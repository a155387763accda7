import { ImageError } from '../../errors/index.js';
import { reasonOf } from '../../errors/inner.js';
import { type Descriptor, type DocumentLimits, MEDIA_TYPES, parseImageIndex } from '../../oci/index.js';
import { layoutError, unlessMissing } from '../files/errors.js';
import type { LayoutFileSystem } from '../files/file-system.js';
import type { LayoutContext } from './context.js';

/** A layout names many images, so its index may list more than one that a registry sends, whatever is said of each. */
const MAX_BYTES = 4 * 1024 * 1024;
export const LAYOUT_INDEX_LIMITS: Pick<DocumentLimits, 'maxBytes' | 'maxValues' | 'maxManifests'> = {
  maxBytes: MAX_BYTES,
  maxValues: 262_144,
  maxManifests: 16_384,
};

/** What `index.json` of a new layout says. */
export const EMPTY_INDEX: string = `{"schemaVersion":2,"mediaType":"${MEDIA_TYPES.ociIndex}","manifests":[]}`;
/** What `oci-layout` says. */
export const LAYOUT_MARKER = '{"imageLayoutVersion":"1.0.0"}';

/** An `index.json`: what it lists, and its text, which others may have written more into than we know. */
export interface LayoutIndex {
  readonly path: string;
  readonly text: string;
  readonly manifests: readonly Descriptor[];
}

/** Reads `index.json` by the rules that hold for an index from a registry. */
export async function readLayoutIndex(fs: LayoutFileSystem, path: string): Promise<LayoutIndex> {
  return parseLayoutIndex(path, await readSmallFile(fs, path, LAYOUT_INDEX_LIMITS.maxBytes));
}

/** The same of bytes that were read already; `path` is for messages. */
export function parseLayoutIndex(path: string, bytes: Uint8Array): LayoutIndex {
  try {
    const { manifests } = parseImageIndex(bytes, { mediaType: MEDIA_TYPES.ociIndex, limits: LAYOUT_INDEX_LIMITS });
    return { path, manifests, text: new TextDecoder().decode(bytes) };
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    throw layoutError('use', path, reasonOf(error), error);
  }
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

/** `oci-layout` is a line of JSON; more is not read. */
const MAX_MARKER_BYTES = 4096;

/** Whether `oci-layout` is there; one that says anything but that this is a layout is refused. */
export async function readLayoutMarker({ fs, paths }: Pick<LayoutContext, 'fs' | 'paths'>): Promise<boolean> {
  const bytes = await unlessMissing(readSmallFile(fs, paths.marker, MAX_MARKER_BYTES));
  if (bytes === undefined) return false;
  if (isLayoutMarker(bytes)) return true;
  throw layoutError('use', paths.marker, 'it does not say that this is an OCI image layout of version 1.0.0');
}

/** Whether it says that this is a layout whose version is known. */
export function isLayoutMarker(bytes: Uint8Array): boolean {
  return versionOf(new TextDecoder().decode(bytes)) === '1.0.0';
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
