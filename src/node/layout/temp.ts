import { join } from 'node:path';
import type { Digest } from '../../digest/index.js';
import { ignoreStoreError, layoutError } from '../files/errors.js';
import type { LayoutFile, LayoutFileSystem, LayoutStat } from '../files/file-system.js';
import { ensureDirectory, type LayoutContext } from './context.js';
import { ingestName } from './owner.js';
import { writeFully } from './write-queue.js';

/** A file in the making. It stands in `ingest/` under its owner's token until it is placed. */
export interface TempFile {
  readonly path: string;
  readonly file: LayoutFile;
  closed: boolean;
}

type TempPlace = Pick<LayoutContext, 'fs' | 'paths' | 'owner'>;

/** @param digest - what it is to be the content of, if that is worth knowing when its writer does not finish it */
export async function createTemp({ fs, paths, owner }: TempPlace, digest?: Digest): Promise<TempFile> {
  await ensureDirectory(fs, paths.ingest, paths.root);
  const token = owner.createToken();
  const path = join(paths.ingest, digest === undefined ? token : ingestName(token, digest));
  return { path, file: await fs.create(path), closed: false };
}

/** Makes a written file final on the disk: the size counted is the size there is, and nothing of it is in a cache only. */
export async function sealTemp(temp: TempFile, size: number, mode: number): Promise<LayoutStat> {
  const stat = await temp.file.stat();
  if (stat.kind !== 'file' || stat.size !== size) {
    throw layoutError('commit', temp.path, `the disk holds ${stat.size} of its ${size} bytes`);
  }
  await temp.file.sync();
  await temp.file.chmod(mode);
  await closeTemp(temp);
  return stat;
}

export async function closeTemp(temp: TempFile): Promise<void> {
  if (temp.closed) return;
  temp.closed = true;
  await temp.file.close();
}

/** Gives a sealed file its name, in one step that lasts. */
export async function placeTemp(
  fs: LayoutFileSystem,
  temp: TempFile,
  target: string,
  directory: string,
): Promise<void> {
  await fs.rename(temp.path, target);
  await fs.syncDirectory(directory);
}

/** Removes what was not placed. What fails here is swept when the layout is opened after this process has ended. */
export async function discardTemp(fs: LayoutFileSystem, temp: TempFile): Promise<void> {
  await closeTemp(temp).catch(ignoreStoreError);
  await fs.unlink(temp.path).catch(ignoreStoreError);
}

/** Writes a small file whole: readers see the old one or the new one. */
export async function replaceFile(
  place: TempPlace,
  target: string,
  text: string,
  beforeRename: () => Promise<void>,
): Promise<void> {
  const temp = await createTemp(place);
  try {
    const bytes = new TextEncoder().encode(text);
    await writeFully(temp.file, [bytes], 0);
    await sealTemp(temp, bytes.length, 0o644);
    await beforeRename();
    await placeTemp(place.fs, temp, target, place.paths.root);
  } catch (error) {
    await discardTemp(place.fs, temp);
    throw error;
  }
}
