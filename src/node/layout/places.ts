import { join } from 'node:path';
import { getDigestAlgorithm, getDigestHex, parseDigest } from '../../digest/index.js';
import type { Descriptor } from '../../oci/index.js';
import { failedWith, layoutError, unlessMissing } from '../files/errors.js';
import type { LayoutFileSystem } from '../files/file-system.js';

/** The places in a layout. No name in it is made of anything but these words, a checked digest, or an owner's token. */
export interface LayoutPaths {
  readonly root: string;
  readonly marker: string;
  readonly index: string;
  readonly ingest: string;
  readonly lock: string;
  /** What earlier processes have verified. */
  readonly remembered: string;
  readonly blobs: string;
  algorithm(content: Pick<Descriptor, 'digest'>): string;
  blob(content: Pick<Descriptor, 'digest'>): string;
}

/** The places below a root that is free of links. */
export function layoutPaths(root: string): LayoutPaths {
  const blobs = join(root, 'blobs');
  const algorithm = ({ digest }: Pick<Descriptor, 'digest'>): string =>
    join(blobs, getDigestAlgorithm(parseDigest(digest)));
  return {
    root,
    marker: join(root, 'oci-layout'),
    index: join(root, 'index.json'),
    ingest: join(root, 'ingest'),
    lock: join(root, 'ingest', 'lock'),
    remembered: join(root, 'ingest', 'verified'),
    blobs,
    algorithm,
    blob: (content) => join(algorithm(content), getDigestHex(content.digest)),
  };
}

/** Makes sure that a name is a real directory, made now if there is none. A link could lead out of the layout. */
export async function ensureDirectory(fs: LayoutFileSystem, path: string, parent: string): Promise<void> {
  if (await isRealDirectory(fs, path)) return;
  try {
    await fs.mkdir(path);
  } catch (error) {
    // Another process was faster; what it made is looked at like any other.
    if (!failedWith(error, 'EEXIST') || !(await isRealDirectory(fs, path))) throw error;
  }
  await fs.syncDirectory(parent);
}

/** Whether a real directory is there; anything else at its place is refused. */
export async function isRealDirectory(fs: LayoutFileSystem, path: string): Promise<boolean> {
  const stat = await unlessMissing(fs.lstat(path));
  if (stat === undefined || stat.kind === 'directory') return stat !== undefined;
  throw layoutError('use', path, stat.kind === 'link' ? 'it is a symbolic link' : 'it is not a directory');
}

/** The names in a directory; none when it is not there. */
export async function readDirectory(
  { fs }: { readonly fs: LayoutFileSystem },
  path: string,
): Promise<readonly string[]> {
  return (await unlessMissing(fs.readdir(path))) ?? [];
}
