import { join } from 'node:path';
import { StoreError } from '../../errors/index.js';
import { createSlots, quote, randomFraction } from '../../internal/index.js';
import { ignoreStoreError, succeeds, unlessMissing } from '../files/errors.js';
import { type Exclusive, type Hold, type LayoutContext } from './context.js';
import { ensureDirectory, type LayoutPaths, readDirectory } from './places.js';

/** A holder that this process cannot look at counts as gone when it has kept the lock this long: work under it is short. */
const STALE_AFTER_MS = 10_000;
const MAX_PAUSE_MS = 25;

interface LockContext extends Pick<LayoutContext, 'fs' | 'owner' | 'clock'> {
  readonly paths: Pick<LayoutPaths, 'root' | 'ingest' | 'index' | 'lock'>;
}

/**
 * Makes the lock of a layout, or of another directory, which holds between processes, also of other containers and machines.
 *
 * The lock is a directory, `ingest/lock`, with one file in it, named by its owner's token. To take it, a process renames a
 * directory of its own, with its own file in it, to that name; the system allows that only while nothing is there, or an
 * empty directory. To release it, or to take it from an owner that has died, one removes the file by its name. As no
 * name is ever used twice, nobody can remove another holder's file by mistake, however late he comes.
 *
 * Where nobody can tell whether the holder lives, it may only have been stopped, and go on at any moment later. So it has a
 * second directory, named by the same token, and all that it changes it renames out of that directory or into it. Who
 * takes the lock away removes that directory first: from then on none of these renames can succeed.
 */
export function createLock(context: LockContext, timeoutMs: number): Exclusive {
  const turns = createSlots(1);
  /** Holds whose release failed; until it succeeds, nobody gets the lock. */
  const unreleased = new Set<Hold>();

  const release = async (hold: Hold): Promise<void> => {
    unreleased.add(hold);
    await unlinkIfThere(context, hold.file);
    unreleased.delete(hold);
    await context.fs.rmdir(context.paths.lock).catch(ignoreStoreError);
    await removeDirectory(context, hold.directory).catch(ignoreStoreError);
  };
  return (action, { signal } = {}) =>
    turns.run(async () => {
      for (const hold of unreleased) await release(hold);
      await ensureDirectory(context.fs, context.paths.ingest, context.paths.root);
      const leave = await context.owner.attend?.();
      try {
        const hold = await acquire(context, timeoutMs, signal);
        let result: Awaited<ReturnType<typeof action>>;
        try {
          result = await action(hold);
        } catch (error) {
          const isLost = await isGone(context, hold);
          await release(hold).catch(ignoreStoreError);
          throw isLost ? takenOver(context, error) : error;
        }
        await release(hold);
        return result;
      } finally {
        await leave?.();
      }
    }, signal);
}

/** Takes the lock. */
async function acquire(context: LockContext, timeoutMs: number, signal: AbortSignal | undefined): Promise<Hold> {
  const { fs, paths, owner } = context;
  const token = owner.createToken();
  const [directory, prepared] = [join(paths.ingest, token), join(paths.ingest, owner.createToken())];
  try {
    await fs.mkdir(directory);
    await fs.mkdir(prepared);
    await (await fs.create(join(prepared, token))).close();
    await contend(context, prepared, timeoutMs, signal);
  } catch (error) {
    await fs.unlink(join(prepared, token)).catch(ignoreStoreError);
    await fs.rmdir(prepared).catch(ignoreStoreError);
    await fs.rmdir(directory).catch(ignoreStoreError);
    throw error;
  }
  return createHold(context, directory, join(paths.lock, token));
}

function createHold(context: LockContext, directory: string, file: string): Hold {
  return {
    directory,
    file,
    async confirm() {
      if (!(await succeeds(context.fs.lstat(file), 'ENOENT'))) throw takenOver(context);
    },
  };
}

async function contend(
  context: LockContext,
  prepared: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { fs, paths, clock } = context;
  const start = clock.monotonic();
  const evict = createEviction(context);
  for (let pause = 1; ; pause = Math.min(pause * 2, MAX_PAUSE_MS)) {
    signal?.throwIfAborted();
    if (await succeeds(fs.rename(prepared, paths.lock), 'ENOTEMPTY', 'EEXIST')) return;
    if (await evict()) continue;
    const waited = clock.monotonic() - start;
    if (waited >= timeoutMs) throw timedOut(paths.root, waited);
    await clock.sleep(pause + Math.floor(randomFraction() * (pause + 1)), { signal });
  }
}

/** Looks who has the lock, and removes the file of one that is gone. Returns whether the lock may be free now. */
function createEviction(context: LockContext): () => Promise<boolean> {
  const { fs, paths, owner, clock } = context;
  const since = new Map<string, number>();
  const isDead = async (name: string): Promise<boolean> => {
    const state = await owner.stateOf(name);
    if (state !== 'unknown') return state === 'dead';
    const first = since.get(name) ?? clock.monotonic();
    since.set(name, first);
    return clock.monotonic() - first >= STALE_AFTER_MS;
  };
  return async () => {
    const holders = await readDirectory({ fs }, paths.lock);
    let free = holders.length === 0;
    for (const name of holders) {
      if (!(await isDead(name))) continue;
      // First, so that one that was only stopped can change nothing from here on.
      await removeDirectory(context, join(paths.ingest, name));
      await unlinkIfThere({ fs }, join(paths.lock, name));
      free = true;
    }
    return free;
  };
}

/** Removes a directory with the files in it, also while its owner puts more there. */
async function removeDirectory({ fs }: Pick<LayoutContext, 'fs'>, path: string): Promise<void> {
  for (;;) {
    for (const name of await readDirectory({ fs }, path)) await unlinkIfThere({ fs }, join(path, name));
    if (await succeeds(unlessMissing(fs.rmdir(path)), 'ENOTEMPTY', 'EEXIST')) return;
  }
}

/** A holder that was stopped for long may have lost the lock as one that is gone. */
async function isGone({ fs }: LockContext, { file }: Hold): Promise<boolean> {
  return !(await succeeds(fs.lstat(file), 'ENOENT').catch(() => true));
}

function takenOver({ paths }: LockContext, cause?: unknown): StoreError {
  const reason = 'another process took the lock over, because this one did not move';
  return new StoreError(`Cannot write ${quote(paths.index)}: ${reason}`, {
    operation: 'lock',
    retryable: true,
    cause,
  });
}

function timedOut(root: string, waited: number): StoreError {
  const reason = `another process has held the lock for ${Math.round(waited)} ms`;
  return new StoreError(`Cannot lock ${quote(root)}: ${reason}`, { operation: 'lock', retryable: true });
}

async function unlinkIfThere({ fs }: Pick<LayoutContext, 'fs'>, path: string): Promise<void> {
  await succeeds(fs.unlink(path), 'ENOENT');
}
