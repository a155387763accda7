import { join } from 'node:path';
import { readDirectory } from './lock.js';
import { parseIngestName } from './ingest-name.js';
import { type PartialContext, tidyPartials } from './partial.js';
import { isRealDirectory } from './paths.js';
import { ignoreStoreError } from './temp.js';

/** Files of owners that nobody can ask about are left alone for a day. */
const MAX_AGE_MS = 24 * 60 * 60 * 1000;

type SweepContext = PartialContext;

/**
 * Removes from `ingest/` what processes left there that have ended, all but what the next writer of the same content can
 * go on from. Whatever cannot be removed stays, for next time.
 */
export async function sweepIngest(context: SweepContext): Promise<void> {
  const { fs, paths } = context;
  try {
    if (!(await isRealDirectory(fs, paths.ingest))) return;
    for (const name of await readDirectory(context, paths.ingest)) {
      const path = join(paths.ingest, name);
      if (path === paths.lock) await sweepLock(context);
      else if (await isAbandoned(context, name, path)) await remove(context, path).catch(ignoreStoreError);
    }
    await tidyPartials(context);
  } catch (error) {
    ignoreStoreError(error);
  }
}

async function isAbandoned({ fs, owner, clock }: SweepContext, name: string, path: string): Promise<boolean> {
  const { token, digest } = parseIngestName(name) ?? {};
  if (token === undefined) return false;
  const state = await owner.stateOf(token);
  if (state !== 'unknown') return state === 'dead' && digest === undefined;
  const { changed } = await fs.lstat(path);
  return clock.now() - Number(changed / 1_000_000n) > MAX_AGE_MS;
}

/** A lock that its owner took to the grave; one of an owner unknown is left to those who want it. */
async function sweepLock(context: SweepContext): Promise<void> {
  const { fs, paths, owner } = context;
  if (!(await isRealDirectory(fs, paths.lock))) return;
  for (const name of await readDirectory(context, paths.lock)) {
    if ((await owner.stateOf(name)) === 'dead') await fs.unlink(join(paths.lock, name)).catch(ignoreStoreError);
  }
  await fs.rmdir(paths.lock).catch(ignoreStoreError);
}

async function remove(context: SweepContext, path: string): Promise<void> {
  const { fs } = context;
  const { kind } = await fs.lstat(path);
  if (kind !== 'directory') return fs.unlink(path);
  for (const name of await readDirectory(context, path)) await fs.unlink(join(path, name));
  await fs.rmdir(path);
}
