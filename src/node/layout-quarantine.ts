import { join } from 'node:path';
import type { Descriptor } from '../oci/index.js';
import type { LayoutStat } from './file-system.js';
import type { LayoutContext } from './layout-context.js';
import { unlessMissing } from './layout-errors.js';
import { ignoreStoreError } from './layout-temp.js';
import { versionOf } from './layout-verified.js';

/**
 * Takes a corrupt blob out of the way. Another writer may put the right one there at the same time, so the file is looked
 * at, moved aside, looked at again, and put back if it is not the one that was found corrupt. What cannot be removed, as in a
 * directory that may only be read, stays; it counts as absent all the same.
 */
export async function quarantineBlob(
  { fs, paths, owner, exclusive }: LayoutContext,
  descriptor: Descriptor,
  corrupt: LayoutStat,
  signal: AbortSignal | undefined,
): Promise<void> {
  const path = paths.blob(descriptor);
  const aside = join(paths.ingest, owner.createToken());
  const remove = async (): Promise<void> => {
    // Names are given under the lock, so what has come by now may be in use; what comes later is not yet.
    const present = await unlessMissing(fs.lstat(path));
    if (present === undefined || versionOf(present) !== versionOf(corrupt)) return;
    await fs.rename(path, aside);
    const moved = await fs.lstat(aside);
    if (versionOf(moved) === versionOf(corrupt)) await fs.unlink(aside);
    else await fs.rename(aside, path);
  };
  await exclusive(remove, { signal }).catch(ignoreStoreError);
}
