import type { LayoutFile } from '../files/file-system.js';

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
 * Starts a queue on an empty file. It holds two batches at most, so a fast sender waits for a slow disk.
 *
 * Chunks are written as they are: to copy them into a buffer of our own took a third longer for a large image.
 */
export function createWriteQueue(file: LayoutFile): WriteQueue {
  let batch: Uint8Array[] = [];
  let bytes = 0;
  let position = 0;
  let syncedTo = 0;
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
