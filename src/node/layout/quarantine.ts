import { join } from 'node:path';
import type { Descriptor } from '../../oci/index.js';
import type { LayoutStat } from './file-system.js';
import type { LayoutContext } from './context.js';
import { unlessMissing } from './errors.js';
import { ensureDirectory } from './paths.js';
import { ignoreStoreError } from './temp.js';
import { versionOf } from './verified.js';

/**
 * Takes a corrupt blob out of the way. What cannot be removed, as in a directory that may only be read, stays; it counts
 * as absent all the same.
 */
export async function quarantineBlob(
  context: LayoutContext,
  descriptor: Descriptor,
  corrupt: LayoutStat,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Names are given under the lock, so what has come by now may be in use; what comes later is not yet.
  const remove = (): Promise<unknown> => removeBlobFile(context, descriptor, corrupt);
  await context.exclusive(remove, { signal }).catch(ignoreStoreError);
}

/**
 * Removes the file of a blob if it is still the one that was looked at, and resolves to whether it was. Another writer may
 * put a new one there at the same time, so the file is looked at, moved aside, looked at again, and put back if need be.
 */
export async function removeBlobFile(
  { fs, paths, owner }: LayoutContext,
  content: Pick<Descriptor, 'digest'>,
  stat: LayoutStat,
): Promise<boolean> {
  const path = paths.blob(content);
  const present = await unlessMissing(fs.lstat(path));
  if (present === undefined || versionOf(present) !== versionOf(stat)) return false;
  await ensureDirectory(fs, paths.ingest, paths.root);
  const aside = join(paths.ingest, owner.createToken());
  await fs.rename(path, aside);
  const moved = await fs.lstat(aside);
  const isSame = versionOf(moved) === versionOf(stat);
  // A link is no blob, whoever put it there.
  if (isSame || moved.kind === 'link') await fs.unlink(aside);
  else await fs.rename(aside, path);
  return isSame;
}
