import { dirname, resolve } from 'node:path';
import type { CallOptions } from '../../clock/index.js';
import type { LayoutFileSystem } from './file-system.js';
import type { LayoutContext } from './context.js';
import { failedWith, layoutError, succeeds, unlessMissing } from './errors.js';
import { EMPTY_INDEX, LAYOUT_MARKER, readSmallFile } from './index-file.js';
import { ensureDirectory } from './paths.js';
import { replaceFile } from './temp.js';

/** `oci-layout` is a line of JSON; more is not read. */
const MAX_MARKER_BYTES = 4096;

/** The directory of a layout, made if need be, under the one path that has no link in it. */
export async function openRoot(fs: LayoutFileSystem, directory: string): Promise<string> {
  await makeDirectories(fs, resolve(directory));
  return fs.realpath(resolve(directory));
}

async function makeDirectories(fs: LayoutFileSystem, path: string): Promise<void> {
  const parent = dirname(path);
  try {
    await fs.mkdir(path);
  } catch (error) {
    // Whether what is there is a directory shows at its first use.
    if (failedWith(error, 'EEXIST')) return;
    if (!failedWith(error, 'ENOENT') || parent === path) throw error;
    await makeDirectories(fs, parent);
    await succeeds(fs.mkdir(path), 'EEXIST');
  }
}

/** Makes sure that the way to a new layout lasts, whoever made it; a directory that may not be read is not ours. */
async function syncAncestors(fs: LayoutFileSystem, path: string): Promise<void> {
  const parent = dirname(path);
  if (parent === path) return;
  await succeeds(fs.syncDirectory(parent), 'EACCES', 'EPERM');
  await syncAncestors(fs, parent);
}

/**
 * Makes the files of an empty layout where they are missing, `oci-layout` last: where it stands, the rest stands too.
 * Several processes may do so at once, so it is done under the lock. A layout that is there is not written to.
 */
export async function prepareLayout(context: LayoutContext, options: CallOptions): Promise<void> {
  const { fs, paths, exclusive } = context;
  if (await readLayoutMarker(context)) return;
  await exclusive(async (confirm) => {
    if (await readLayoutMarker(context)) return;
    await syncAncestors(fs, paths.root);
    await ensureDirectory(fs, paths.blobs, paths.root);
    if (!(await succeeds(fs.lstat(paths.index), 'ENOENT')))
      await replaceFile(context, paths.index, EMPTY_INDEX, confirm);
    await replaceFile(context, paths.marker, LAYOUT_MARKER, confirm);
  }, options);
}

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
