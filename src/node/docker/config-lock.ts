import { realpath, stat, unlink } from 'node:fs/promises';
import { dirname, basename, join } from 'node:path';
import { systemClock } from '../../clock/index.js';
import { withStoreErrors } from '../files/errors.js';
import { nodeFileSystem } from '../files/file-system.js';
import { replaceFile } from '../files/write-atomic.js';
import { createLock } from '../layout/lock.js';
import { processOwner } from '../layout/owner.js';

/** Reading and replacing a file is short work; whoever has kept the lock this long has died over it. */
const STALE_AFTER_MS = 10_000;

/**
 * Changes a docker config while no other login, of this process or another, does: of two that read the same file, the
 * later one would undo what the earlier one wrote. The lock stands beside the file. Docker takes none, and its logins are
 * not kept away.
 *
 * @param action - reads the file, and writes it with what it is given
 */
export async function whileLocked<T>(
  path: string,
  action: (write: (text: string) => Promise<void>) => Promise<T>,
): Promise<T> {
  const fs = withStoreErrors(nodeFileSystem);
  const directory = await realpath(dirname(path));
  const lock = join(directory, `.${basename(path)}.kubepull-lock`);
  await removeStaleFile(lock);
  const owner = await processOwner();
  const paths = { root: directory, ingest: directory, index: path, lock };
  const exclusive = createLock({ fs, paths, owner, clock: systemClock }, Number.POSITIVE_INFINITY);
  return exclusive((hold) =>
    action((text) => {
      const temporary = join(hold.directory, owner.createToken());
      return replaceFile(fs, { target: path, text, temporary, directory, mode: 0o600, beforeRename: hold.confirm });
    }),
  );
}

/** A lock that is a file is one of before; only a directory is one of now, and that no call for files removes. */
async function removeStaleFile(lock: string): Promise<void> {
  const found = await stat(lock).catch(() => undefined);
  if (found?.isFile() !== true || Math.abs(systemClock.now() - found.mtimeMs) <= STALE_AFTER_MS) return;
  await unlink(lock).catch(() => undefined);
}
