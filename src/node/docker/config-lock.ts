import { randomInt } from 'node:crypto';
import { open, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../clock/index.js';
import { StoreError } from '../../errors/index.js';
import { quote } from '../../internal/index.js';

/** Reading and replacing a file is short work; whoever has kept the lock this long has died over it. */
const STALE_AFTER_MS = 10_000;
const MAX_PAUSE_MS = 20;

/**
 * Changes a docker config while no other login, of this process or another, does: of two that read the same file, the
 * later one would undo what the earlier one wrote. The lock is a file beside it. Docker takes none, and its logins are
 * not kept away.
 */
export async function whileLocked<T>(path: string, action: () => Promise<T>): Promise<T> {
  const lock = join(dirname(path), `.${basename(path)}.kubepull-lock`);
  while (!(await take(lock))) {
    if (await isStale(lock)) await rm(lock, { force: true });
    else await sleep(1 + randomInt(MAX_PAUSE_MS));
  }
  try {
    return await action();
  } finally {
    await rm(lock, { force: true });
  }
}

async function take(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw writeFailure(lock, error);
  }
}

/** One that is no more there may be free. */
async function isStale(lock: string): Promise<boolean> {
  const found = await stat(lock).catch(() => undefined);
  return found !== undefined && Math.abs(systemClock.now() - found.mtimeMs) > STALE_AFTER_MS;
}

export function writeFailure(path: string, error: unknown): StoreError {
  return new StoreError(`Cannot write ${quote(path)}: the file system refused`, {
    operation: 'write',
    errno: (error as NodeJS.ErrnoException).code,
    cause: error,
  });
}
