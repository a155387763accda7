import type { LayoutFile } from './file-system.js';

/** Bytes that are written at once: fewer cost calls; more make ext4 take large blocks of memory, which came slower. */
const PIECE_BYTES = 128 * 1024;

/** Takes bytes and writes them in large pieces, one after the other, while the next piece fills. */
export interface WriteQueue {
  /** Takes bytes; the promise, if there is one, has to be waited for before the next call. */
  add(chunk: Uint8Array): void | Promise<void>;
  /** Writes what is left. */
  drain(): Promise<void>;
  /** Waits for the write under way, whatever comes of it; afterwards the file may be closed. */
  idle(): Promise<void>;
}

/**
 * Starts a queue on an empty file. It holds two pieces at most, so a fast sender waits for a slow disk.
 *
 * Bytes are copied once, because the caller may reuse its chunk; that costs less than a call to the system per chunk.
 *
 * @param size - how many bytes will come at most
 */
export function createWriteQueue(file: LayoutFile, size: number): WriteQueue {
  const pieceBytes = Math.max(1, Math.min(PIECE_BYTES, size));
  const spare: Uint8Array[] = [];
  let piece: Uint8Array | undefined;
  let filled = 0;
  let position = 0;
  let writing: Promise<void> | undefined;
  let failure: { readonly error: unknown } | undefined;

  const flush = (): void => {
    if (piece === undefined || filled === 0) return;
    const [full, at] = [piece, position];
    position += filled;
    writing = writeFully(file, full.subarray(0, filled), at)
      .catch((error: unknown) => {
        failure = { error };
      })
      .finally(() => {
        spare.push(full);
        writing = undefined;
      });
    piece = undefined;
    filled = 0;
  };
  const rethrow = (): void => {
    if (failure !== undefined) throw failure.error;
  };
  const add = (chunk: Uint8Array): void | Promise<void> => {
    rethrow();
    for (let rest = chunk; rest.length > 0;) {
      piece ??= spare.pop() ?? new Uint8Array(pieceBytes);
      const part = rest.subarray(0, pieceBytes - filled);
      piece.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
      if (filled < pieceBytes) return;
      if (writing !== undefined) return addLater(rest);
      flush();
    }
  };
  const addLater = async (rest: Uint8Array): Promise<void> => {
    await writing;
    rethrow();
    flush();
    await add(rest);
  };
  return {
    add,
    async drain() {
      await writing;
      rethrow();
      flush();
      await writing;
      rethrow();
    },
    async idle() {
      await writing;
    },
  };
}

/** Writes all of it: the system may take less at a time, which is no error. */
export async function writeFully(file: LayoutFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await file.write(bytes.subarray(at), position + at);
  }
}
