import type { LayoutFile } from './file-system.js';

/** Bytes that are written at once: fewer cost calls, more cost memory. */
const BATCH_BYTES = 256 * 1024;
/** What a chunk costs besides its bytes: a sender of single bytes must not fill memory with chunks. */
const CHUNK_COST = 1024;

/** Takes chunks and writes them in batches, one after the other, while the next batch gathers. */
export interface WriteQueue {
  /** Takes a chunk, which must not change any more; the promise, if there is one, has to be waited for. */
  add(chunk: Uint8Array): void | Promise<void>;
  /** Writes what is left. */
  drain(): Promise<void>;
  /** Waits for the write under way, whatever comes of it; afterwards the file may be closed. */
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
  let writing: Promise<void> | undefined;
  let failure: { readonly error: unknown } | undefined;

  const flush = (): void => {
    if (bytes === 0) return;
    const [parts, at] = [batch, position];
    position += bytes;
    batch = [];
    bytes = 0;
    writing = writeFully(file, parts, at)
      .catch((error: unknown) => {
        failure = { error };
      })
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
      rethrow();
    },
    async idle() {
      await writing;
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
