import { MEDIA_TYPES } from '../../oci/index.js';
import { layoutError, unlessMissing } from '../files/errors.js';
import type { LayoutFileSystem, LayoutStat } from '../files/file-system.js';
import type { LayoutPaths } from './places.js';
import { LAYOUT_INDEX_LIMITS, type LayoutIndex, parseLayoutIndex } from './layout-index.js';

/** What `index.json` of a new layout says. */
export const EMPTY_INDEX: string = `{"schemaVersion":2,"mediaType":"${MEDIA_TYPES.ociIndex}","manifests":[]}`;
/** What `oci-layout` says. */
export const LAYOUT_MARKER = '{"imageLayoutVersion":"1.0.0"}';

/** An `index.json` as it was read. */
export interface ReadIndex {
  readonly index: LayoutIndex;
  readonly bytes: Uint8Array;
  /** Which file that was. */
  readonly stat: LayoutStat;
}

/** Reads `index.json`. One with the bytes of a known one is not parsed again. */
export async function readLayoutIndex(
  fs: LayoutFileSystem,
  path: string,
  known?: Pick<ReadIndex, 'index' | 'bytes'>,
): Promise<ReadIndex> {
  const { bytes, stat } = await readSmallFile(fs, path, LAYOUT_INDEX_LIMITS.maxBytes);
  if (known !== undefined && Buffer.compare(known.bytes, bytes) === 0) return { ...known, stat };
  return { index: parseLayoutIndex(path, bytes), bytes, stat };
}

/** One bounded read of a regular file. */
export async function readSmallFile(
  fs: LayoutFileSystem,
  path: string,
  limit: number,
): Promise<{ readonly bytes: Uint8Array; readonly stat: LayoutStat }> {
  const file = await fs.open(path);
  try {
    const stat = await file.stat();
    const { kind, size } = stat;
    if (kind !== 'file') throw layoutError('use', path, 'it is not a file');
    if (size > limit) throw layoutError('use', path, `it has ${size} bytes, more than ${limit}`);
    const bytes = new Uint8Array(size);
    for (let length = 0; length < size;) {
      const read = await file.read(bytes.subarray(length), length);
      if (read === 0) throw layoutError('use', path, 'it became shorter meanwhile');
      length += read;
    }
    return { bytes, stat };
  } finally {
    await file.close();
  }
}

/** `oci-layout` is a line of JSON; more is not read. */
const MAX_MARKER_BYTES = 4096;

/** Whether `oci-layout` is there; one that says anything but that this is a layout is refused. */
export async function readLayoutMarker(
  fs: LayoutFileSystem,
  { marker }: Pick<LayoutPaths, 'marker'>,
): Promise<boolean> {
  const found = await unlessMissing(readSmallFile(fs, marker, MAX_MARKER_BYTES));
  if (found === undefined) return false;
  if (isLayoutMarker(found.bytes)) return true;
  throw layoutError('use', marker, 'it does not say that this is an OCI image layout of version 1.0.0');
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
