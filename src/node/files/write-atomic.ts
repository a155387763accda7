import { ignoreStoreError, layoutError } from './errors.js';
import type { LayoutFile, LayoutFileSystem, LayoutStat } from './file-system.js';

/** Bytes that are written at once: fewer cost calls, more cost memory. */
const BATCH_BYTES = 256 * 1024;
/**
 * Bytes after which the disk is set to work. If all of a large blob waits for the end, the disk idles first and the
 * download afterwards: that took a fifth longer.
 */
const SYNC_BYTES = 32 * 1024 * 1024;
/** What a chunk costs besides its bytes: a sender of single bytes must not fill memory with chunks. */
const CHUNK_COST = 1024;

/** Takes chunks and writes them in batches, one after the other, while the next batch gathers and the disk works. */
export interface WriteQueue {
  /** Takes a chunk, which must not change any more; the promise, if there is one, has to be waited for. */
  add(chunk: Uint8Array): void | Promise<void>;
  /** Writes what is left. Whoever needs it on the disk has to force the last bytes there. */
  drain(): Promise<void>;
  /** Waits for what is under way, whatever comes of it; afterwards the file may be closed. */
  idle(): Promise<void>;
}

/**
 * Starts a queue at the end of a file. It holds two batches at most, so a fast sender waits for a slow disk.
 *
 * Chunks are written as they are: to copy them into a buffer of our own took a third longer for a large image.
 */
export function createWriteQueue(file: LayoutFile, end: number = 0): WriteQueue {
  let batch: Uint8Array[] = [];
  let bytes = 0;
  let position = end;
  let syncedTo = end;
  let writing: Promise<void> | undefined;
  let syncing: Promise<void> | undefined;
  let failure: { readonly error: unknown } | undefined;

  // The system tells of a failed sync only once, so it is kept, like that of a write.
  const fail = (error: unknown): void => {
    failure ??= { error };
  };
  const syncBeside = (to: number): void => {
    if (syncing !== undefined || to - syncedTo < SYNC_BYTES) return;
    syncedTo = to;
    syncing = file
      .sync()
      .catch(fail)
      .finally(() => {
        syncing = undefined;
      });
  };
  const flush = (): void => {
    if (bytes === 0) return;
    const [parts, at] = [batch, position];
    const end = at + bytes;
    position = end;
    batch = [];
    bytes = 0;
    writing = writeFully(file, parts, at)
      .then(() => syncBeside(end), fail)
      .finally(() => {
        writing = undefined;
      });
  };
  const rethrow = (): void => {
    if (failure !== undefined) throw failure.error;
  };
  const flushLater = async (): Promise<void> => {
    await writing;
    rethrow();
    flush();
  };
  return {
    add(chunk) {
      rethrow();
      if (chunk.length === 0) return undefined;
      batch.push(chunk);
      bytes += chunk.length;
      if (bytes + batch.length * CHUNK_COST < BATCH_BYTES) return undefined;
      if (writing !== undefined) return flushLater();
      flush();
      return undefined;
    },
    async drain() {
      await flushLater();
      await writing;
      await syncing;
      rethrow();
    },
    async idle() {
      await writing;
      await syncing;
    },
  };
}

/** Writes all of it: the system may take less at a time, which is no error. */
export async function writeFully(file: LayoutFile, parts: readonly Uint8Array[], position: number): Promise<void> {
  let rest = parts;
  for (let at = position; rest.length > 0;) {
    const written = await file.write(rest, at);
    at += written;
    rest = skipBytes(rest, written);
  }
}

function skipBytes(parts: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count;
  return parts.flatMap((part) => {
    const skipped = Math.min(left, part.length);
    left -= skipped;
    return skipped < part.length ? [part.subarray(skipped)] : [];
  });
}

/** A file in the making. It stands under a name of its own until it is placed. */
export interface TempFile {
  readonly path: string;
  readonly file: LayoutFile;
  closed: boolean;
}

/** Begins a file in the making. */
export async function createTemp(fs: LayoutFileSystem, path: string): Promise<TempFile> {
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

/** A small file to be written whole. */
export interface Replacement {
  readonly target: string;
  readonly text: string;
  /** The name under which it is made, in the same file system. */
  readonly temporary: string;
  /** The directory of the target. */
  readonly directory: string;
  readonly mode: number;
  /** The last moment to refuse. */
  readonly beforeRename?: () => Promise<void>;
}

/** Writes a small file whole, and lasting: readers see the old one or the new one. Tells what the new one was when written. */
export async function replaceFile(fs: LayoutFileSystem, replacement: Replacement): Promise<LayoutStat> {
  const { target, text, temporary, directory, mode, beforeRename } = replacement;
  const temp = await createTemp(fs, temporary);
  try {
    const bytes = new TextEncoder().encode(text);
    await writeFully(temp.file, [bytes], 0);
    const stat = await sealTemp(temp, bytes.length, mode);
    await beforeRename?.();
    await placeTemp(fs, temp, target, directory);
    return stat;
  } catch (error) {
    await discardTemp(fs, temp);
    throw error;
  }
}
