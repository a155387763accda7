import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { StoreError } from '../../errors/index.js';
import { quote } from '../../internal/index.js';
import { ignoreStoreError, succeeds } from '../files/errors.js';
import { ensureDirectory, type Exclusive, type LayoutContext, readDirectory } from './context.js';

/** A holder that this process cannot look at counts as gone when it has kept the lock this long: work under it is short. */
const STALE_AFTER_MS = 10_000;
const MAX_PAUSE_MS = 25;

type LockContext = Pick<LayoutContext, 'fs' | 'paths' | 'owner' | 'clock'>;

/**
 * Makes the lock of a layout, which holds between processes.
 *
 * The lock is a directory, `ingest/lock`, with one file in it, named by its owner's token. To take it, a process renames a
 * directory of its own, with its own file in it, to that name; the system allows that only while nothing is there, or an
 * empty directory. To release it, or to take it from an owner that has died, one removes the file by its name. As no
 * name is ever used twice, nobody can remove another holder's file by mistake, however late he comes.
 */
export function createLayoutLock(context: LockContext, timeoutMs: number): Exclusive {
  const { fs, paths } = context;
  const inTurn = createMutex();
  /** Files whose removal failed; until they are gone, nobody gets the lock. */
  const unreleased = new Set<string>();

  const release = async (file: string): Promise<void> => {
    unreleased.add(file);
    await unlinkIfThere(context, file);
    unreleased.delete(file);
    await fs.rmdir(paths.lock).catch(ignoreStoreError);
  };
  return (action, { signal } = {}) =>
    inTurn(signal, async () => {
      for (const file of unreleased) await release(file);
      const file = await acquire(context, timeoutMs, signal);
      let result: Awaited<ReturnType<typeof action>>;
      try {
        result = await action(() => confirm(context, file));
      } catch (error) {
        await release(file).catch(ignoreStoreError);
        throw error;
      }
      await release(file);
      return result;
    });
}

/** Takes the lock, and returns the file that shows it. */
async function acquire(context: LockContext, timeoutMs: number, signal: AbortSignal | undefined): Promise<string> {
  const { fs, paths, owner } = context;
  await ensureDirectory(fs, paths.ingest, paths.root);
  const token = owner.createToken();
  const prepared = join(paths.ingest, token);
  try {
    await fs.mkdir(prepared);
    await (await fs.create(join(prepared, token))).close();
    await contend(context, prepared, timeoutMs, signal);
  } catch (error) {
    await fs.unlink(join(prepared, token)).catch(ignoreStoreError);
    await fs.rmdir(prepared).catch(ignoreStoreError);
    throw error;
  }
  return join(paths.lock, token);
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
    await clock.sleep(pause + randomInt(pause + 1), { signal });
  }
}

/** Looks who has the lock, and removes the file of one that is gone. Returns whether the lock may be free now. */
function createEviction({ fs, paths, owner, clock }: LockContext): () => Promise<boolean> {
  const since = new Map<string, number>();
  const isGone = async (name: string): Promise<boolean> => {
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
      if (!(await isGone(name))) continue;
      await unlinkIfThere({ fs }, join(paths.lock, name));
      free = true;
    }
    return free;
  };
}

/** A holder that was stopped for long may have lost the lock as one that is gone; it must not write then. */
async function confirm({ fs, paths }: LockContext, file: string): Promise<void> {
  if (await succeeds(fs.lstat(file), 'ENOENT')) return;
  const reason = 'another process took the lock over, because this one did not move';
  throw new StoreError(`Cannot write ${quote(paths.index)}: ${reason}`, { operation: 'lock', retryable: true });
}

function timedOut(root: string, waited: number): StoreError {
  const reason = `another process has held the lock for ${Math.round(waited)} ms`;
  return new StoreError(`Cannot lock ${quote(root)}: ${reason}`, { operation: 'lock', retryable: true });
}

async function unlinkIfThere({ fs }: Pick<LayoutContext, 'fs'>, path: string): Promise<void> {
  await succeeds(fs.unlink(path), 'ENOENT');
}

/** Runs actions one at a time, in the order in which they came. One whose signal aborts leaves the queue. */
type Mutex = <T>(signal: AbortSignal | undefined, action: () => Promise<T>) => Promise<T>;

function createMutex(): Mutex {
  let last: Promise<void> = Promise.resolve();
  return async (signal, action) => {
    const before = last;
    let end: () => void = () => undefined;
    last = new Promise((resolve) => {
      end = resolve;
    });
    try {
      await untilAborted(before, signal);
    } catch (error) {
      void before.then(end);
      throw error;
    }
    try {
      return await action();
    } finally {
      end();
    }
  };
}

function untilAborted(turn: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return turn;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    void turn.then(resolve).finally(() => signal.removeEventListener('abort', onAbort));
    if (signal.aborted) onAbort();
  });
}
