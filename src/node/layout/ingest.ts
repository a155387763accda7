import { join } from 'node:path';
import type { Digest } from '../../digest/index.js';
import { ignoreStoreError, unlessMissing } from '../files/errors.js';
import { closeTemp, discardTemp, type TempFile } from '../files/write-atomic.js';
import { type LayoutContext } from './context.js';
import { isRealDirectory, readDirectory } from './places.js';
import { ingestName, parseIngestName } from './owner.js';

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

/** The first part of some content, in a file that nobody writes to any more. */
export interface Partial {
  readonly path: string;
  readonly digest: Digest;
  /** Whether its writer gave it up; otherwise it died. */
  readonly kept: boolean;
  readonly size: number;
  /** Nanoseconds since the epoch. */
  readonly changed: bigint;
}

type PartialContext = Pick<LayoutContext, 'fs' | 'paths' | 'owner' | 'clock' | 'partials'>;

/**
 * What may be taken over, the longest first: the parts that their writers gave up, and those whose writers have died.
 * Where nobody can tell whether the writer lives, the part is left alone.
 */
export async function findPartials(context: PartialContext, wanted?: Digest): Promise<readonly Partial[]> {
  const { fs, paths, owner } = context;
  if (!(await isRealDirectory(fs, paths.ingest))) return [];
  const found: Partial[] = [];
  for (const name of await readDirectory(context, paths.ingest)) {
    const { token, digest } = parseIngestName(name) ?? {};
    if (digest === undefined || digest !== (wanted ?? digest)) continue;
    if (token !== undefined && (await owner.stateOf(token)) !== 'dead') continue;
    const path = join(paths.ingest, name);
    const stat = await unlessMissing(fs.lstat(path));
    if (stat?.kind !== 'file') continue;
    found.push({ path, digest, kept: token === undefined, size: stat.size, changed: stat.changed });
  }
  return found.toSorted((a, b) => b.size - a.size);
}

/** Ends a file with what was written so far, and keeps that for the next writer of the content. It never fails. */
export async function keepPartial(context: PartialContext, temp: TempFile, digest: Digest): Promise<void> {
  const { fs } = context;
  try {
    const { size, changed } = await temp.file.stat();
    await closeTemp(temp);
    await keep(context, { path: temp.path, digest, kept: false, size, changed });
    await tidyPartials(context);
  } catch (error) {
    ignoreStoreError(error);
    await discardTemp(fs, temp);
  }
}

/**
 * Brings the parts that lie about under one name per content, of which the longest is enough, and removes those that are
 * of no use: of content that has come meanwhile, too old, or over the limit. The youngest are kept first.
 */
export async function tidyPartials(context: PartialContext): Promise<void> {
  const { fs, paths, clock, partials } = context;
  for (const partial of await findPartials(context)) if (!partial.kept) await keep(context, partial);
  let room = partials.maxBytes;
  const left = await findPartials(context);
  for (const { path, digest, size, changed } of left.toSorted((a, b) => Number(b.changed - a.changed))) {
    const age = clock.now() - Number(changed / 1_000_000n);
    const isUseful = size <= room && age < partials.maxAgeMs;
    if (isUseful && (await unlessMissing(fs.lstat(paths.blob({ digest })))) === undefined) room -= size;
    else await removePartial(context, path);
  }
}

async function keep(context: PartialContext, { path, digest, size }: Partial): Promise<void> {
  const { fs, paths, partials } = context;
  const target = join(paths.ingest, ingestName(undefined, digest));
  const present = await unlessMissing(fs.lstat(target));
  const isLonger = partials.maxAgeMs > 0 && size > (present?.size ?? 0);
  if (isLonger) await unlessMissing(fs.rename(path, target));
  else await removePartial(context, path);
}

/** Removes what was kept of content that has come now. If that fails, it is done when the layout is opened next. */
export async function removeKept(context: Pick<PartialContext, 'fs' | 'paths'>, digest: Digest): Promise<void> {
  await removePartial(context, join(context.paths.ingest, ingestName(undefined, digest))).catch(ignoreStoreError);
}

/** Another process may have been faster. */
export async function removePartial({ fs }: Pick<PartialContext, 'fs'>, path: string): Promise<void> {
  await unlessMissing(fs.unlink(path));
}
