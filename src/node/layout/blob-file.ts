import { ContentMismatchError } from '../../errors/index.js';
import type { Descriptor } from '../../oci/index.js';
import { createVerifier } from '../../store/index.js';
import type { LayoutFile, LayoutStat } from './file-system.js';
import type { LayoutContext } from './context.js';
import { layoutError, unlessMissing } from './errors.js';
import { isRealDirectory } from './paths.js';

/** Bytes that are read at once. */
const PIECE_BYTES = 256 * 1024;

type Place = Pick<LayoutContext, 'fs' | 'paths'>;

/** Looks at the file of a blob, if there is one. Links, pipes and directories in its place are refused. */
export async function statBlob(place: Place, descriptor: Descriptor): Promise<LayoutStat | undefined> {
  const { fs, paths } = place;
  for (const directory of [paths.blobs, paths.algorithm(descriptor)]) {
    if (!(await isRealDirectory(fs, directory))) return undefined;
  }
  return statBlobFile(place, descriptor);
}

/** As {@link statBlob}, when the directories have been looked at. */
export async function statBlobFile({ fs, paths }: Place, descriptor: Descriptor): Promise<LayoutStat | undefined> {
  const path = paths.blob(descriptor);
  const stat = await unlessMissing(fs.lstat(path));
  if (stat !== undefined) checkKind(stat, path);
  return stat;
}

/** Opens a blob for reading, if there is one. What is open is a file, and what was looked at may have been another. */
export async function openBlob(place: Place, descriptor: Descriptor): Promise<LayoutFile | undefined> {
  if ((await statBlob(place, descriptor)) === undefined) return undefined;
  return unlessMissing(place.fs.open(place.paths.blob(descriptor)));
}

export function checkKind({ kind }: LayoutStat, path: string): void {
  if (kind !== 'file') throw layoutError('use', path, kind === 'link' ? 'it is a symbolic link' : 'it is not a file');
}

/** Reads into one buffer, over and over: a chunk is good until the next is asked for. Ends early where the file ends. */
export async function* chunksOf(
  file: LayoutFile,
  size: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, size));
  for (let position = 0; position < size;) {
    signal?.throwIfAborted();
    const length = await file.read(buffer.subarray(0, Math.min(buffer.length, size - position)), position);
    if (length === 0) return;
    position += length;
    yield buffer.subarray(0, length);
  }
}

/** Whether a file holds the content, by its hash. */
export async function hashesTo(
  { createHasher }: Pick<LayoutContext, 'createHasher'>,
  file: LayoutFile,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const verifier = createVerifier(descriptor, createHasher);
  try {
    for await (const chunk of chunksOf(file, descriptor.size, signal)) verifier.update(chunk);
    verifier.end();
    return true;
  } catch (error) {
    if (error instanceof ContentMismatchError) return false;
    throw error;
  }
}
