// The way of a blob from its connection to its file: counted, hashed and written. This file is in the worker.
import { createHash } from 'node:crypto';
import { fsync, read, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { ExchangeLimits } from '../../distribution/inner.js';
import { type AnswerHead, createDechunker } from './answer-head.js';
import type { Link, Piece } from './reader-link.js';
import { codeOf, createWatchdog, faultOf } from './watchdog.js';

/** Bytes that are written at once, if they come as fast. */
const BATCH_BYTES = 128 * 1024;
/** Bytes of one answer in memory, from which on its sender is held up. */
const MAX_WAITING = 512 * 1024;
const PROGRESS_BYTES = 512 * 1024;
/** What is read at once of what is there. */
const PREFIX_BYTES = 128 * 1024;
/** Bytes after which the disk is set to work. */
const SYNC_BYTES = 32 * 1024 * 1024;

/** The file that a blob is put into. */
export interface BlobFile {
  readonly fd: number;
  /** What is in it already, which is hashed first. */
  readonly offset: number;
  /** No byte is written behind it. */
  readonly size: number;
  readonly algorithm: string;
}

/** How the bytes of a blob came to their end. */
export interface BlobEnd {
  /** Bytes that are in the file. If it is above the size of the file, so many came at least, and the rest was dropped. */
  readonly size: number;
  /** Of all bytes in the file, in hex, when the answer is complete. */
  readonly hash: string | undefined;
  /** The code of what ended it early, and which side it was. */
  readonly fault: { readonly code: string; readonly at: 'source' | 'file' } | undefined;
}

/** What the content of an answer is put into a file with. */
interface Filling {
  readonly link: Link;
  readonly head: AnswerHead;
  readonly limits: ExchangeLimits;
  readonly waits: boolean;
}

interface Filled {
  readonly end: BlobEnd;
  /** Whether the connection stands behind the last byte. */
  readonly isGood: boolean;
}

/** Puts the content of an answer into a file. */
export function fillFile(
  { link, head: { framing }, limits, waits }: Filling,
  file: BlobFile,
  onProgress: (size: number) => void,
): { readonly ended: Promise<Filled>; stop(): void } {
  const sink = createFileSink(file, waits);
  const dechunker = framing.kind === 'chunked' ? createDechunker() : undefined;
  let left = framing.kind === 'length' ? framing.bytes : Infinity;
  let fault: BlobEnd['fault'];
  let told = file.offset;
  let excess = 0;
  let paused = true;
  let prefixed = false;
  let scheduled = false;
  let finishing = false;
  let heard = true;
  let quiet = 0;
  let settle: (filled: Filled) => void = () => undefined;
  const ended = new Promise<Filled>((resolve) => void (settle = resolve));

  const fail = (code: string, at: 'source' | 'file' = 'source'): void => {
    fault ??= { code, at };
    finish();
  };
  const watchdog = createWatchdog(limits, (error) => fail(codeOf(error)));
  // Half the time, twice without a byte. A thread that has waited for the disk looks at its timers before its sockets.
  const onQuiet = (): void => {
    setImmediate(() => {
      quiet = heard || paused ? 0 : quiet + 1;
      heard = false;
      if (finishing) return;
      if (quiet === 2) fail('UND_ERR_BODY_TIMEOUT');
      else silence.refresh();
    });
  };
  const silence = setTimeout(onQuiet, Math.ceil(limits.bodyTimeoutMs / 2));

  const finish = (): void => {
    if (finishing) return;
    finishing = true;
    clearTimeout(silence);
    watchdog.stop();
    link.listen(undefined);
    link.pause();
    void conclude();
  };
  const conclude = async (): Promise<void> => {
    await prefix;
    const isGood = fault === undefined && excess === 0 && framing.kind === 'length' && link.waiting === 0;
    await sink.end();
    if (sink.failure !== undefined) fault = { code: codeOf(sink.failure), at: 'file' };
    const hash = fault === undefined && excess === 0 ? sink.hash() : undefined;
    settle({ end: { size: sink.size + excess, hash, fault }, isGood });
  };
  const tell = (): void => {
    if (sink.size === told) return;
    told = sink.size;
    onProgress(told);
  };
  /** Puts what waits into the file. */
  const flush = (): void => {
    const room = (): number => file.size - sink.size;
    try {
      for (const piece of link.take(Math.min(link.waiting, left))) {
        left -= piece.bytes.length;
        for (const bytes of dechunker?.push(piece.bytes) ?? [piece.bytes]) {
          const fits = bytes.subarray(0, Math.max(0, room()));
          if (fits.length > 0) sink.add(fits);
          excess += bytes.length - fits.length;
        }
        sink.release(piece);
      }
    } catch (error) {
      return fail(codeOf(error), sink.failure === undefined ? 'source' : 'file');
    }
    if (sink.size - told >= PROGRESS_BYTES || !waits) tell();
    if (left === 0 || excess > 0 || dechunker?.done === true) finish();
  };
  const flushLater = (): void => {
    scheduled = false;
    if (finishing || paused) return;
    if (link.waiting > 0) flush();
    if (!finishing) tell();
  };
  const hold = (): void => {
    paused = true;
    watchdog.paused();
    void release();
  };
  const release = async (): Promise<void> => {
    await sink.idle();
    if (finishing) return;
    paused = false;
    watchdog.resumed();
    if (link.waiting > 0) flush();
    if (!finishing) link.resume();
  };
  const arrived = (bytes: number): boolean => {
    watchdog.received(bytes);
    heard = true;
    if (paused) return false;
    if (link.waiting >= Math.min(BATCH_BYTES, left)) flush();
    else if (!scheduled) {
      // At the end of this turn of the loop, so that what comes in it goes together.
      scheduled = true;
      setImmediate(flushLater);
    }
    if (finishing) return false;
    if (sink.waiting + link.waiting <= MAX_WAITING) return true;
    hold();
    return false;
  };
  const begin = async (): Promise<void> => {
    await prefix;
    if (sink.failure !== undefined) return fail(codeOf(sink.failure), 'file');
    if (finishing) return;
    paused = false;
    prefixed = true;
    watchdog.resumed();
    if (link.waiting > 0 || left === 0) flush();
    if (!finishing) tell();
    if (!finishing && !link.open) onEnd(undefined);
    if (!finishing) link.resume();
  };
  const onEnd = (error: Error | undefined): void => {
    if (!prefixed) return;
    if (link.waiting > 0) flush();
    if (finishing) return;
    if (error === undefined && framing.kind === 'close') finish();
    else fail(error === undefined ? 'UND_ERR_SOCKET' : codeOf(error));
  };
  const prefix = sink.hashPrefix(() => finishing);
  link.listen({ arrived, ended: onEnd });
  watchdog.answered();
  watchdog.paused();
  void begin();
  return { ended, stop: () => fail('UND_ERR_ABORTED') };
}

/** Counts, hashes and writes. */
interface FileSink {
  /** Bytes of the file that have been taken, those before included. */
  readonly size: number;
  /** Bytes that are on their way to the disk. */
  readonly waiting: number;
  /** What the file has failed with. */
  readonly failure: Error | undefined;
  /** Hashes what is in the file already. */
  hashPrefix(isOver: () => boolean): Promise<void>;
  add(bytes: Uint8Array): void;
  /** Lets go of a piece whose bytes have been added, once they are written. */
  release(piece: Piece): void;
  idle(): Promise<void>;
  end(): Promise<void>;
  /** Of all bytes that were taken. */
  hash(): string;
}

/** @param waits - whether the thread waits for each write */
function createFileSink({ fd, offset, algorithm }: BlobFile, waits: boolean): FileSink {
  const hash = createHash(algorithm);
  const [readPart, writePart, sync] = [promisify(read), promisify(write), promisify(fsync)];
  let size = offset;
  let waiting = 0;
  let syncedTo = offset;
  let syncing: Promise<void> | undefined;
  let tail: Promise<void> = Promise.resolve();
  let failure: Error | undefined;

  // The system tells of a failed sync only once, so it is kept, like that of a write.
  const fail = (error: unknown): void => {
    failure ??= faultOf(codeOf(error));
  };
  const syncBeside = (): void => {
    if (syncing !== undefined || size - syncedTo < SYNC_BYTES) return;
    syncedTo = size;
    syncing = sync(fd)
      .catch(fail)
      .finally(() => void (syncing = undefined));
  };
  const writeNow = (bytes: Uint8Array, position: number): void => {
    for (let at = 0; at < bytes.length;) {
      const written = writeSync(fd, bytes, at, bytes.length - at, position + at);
      if (written === 0) throw faultOf('EIO');
      at += written;
    }
  };
  const writeLater = async (bytes: Uint8Array, position: number): Promise<void> => {
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await writePart(fd, bytes, at, bytes.length - at, position + at);
      if (bytesWritten === 0) throw faultOf('EIO');
      at += bytesWritten;
    }
  };
  const put = (bytes: Uint8Array, position: number): void => {
    if (waits) return writeNow(bytes, position);
    waiting += bytes.length;
    tail = tail
      .then(() => (failure === undefined ? writeLater(bytes, position) : undefined))
      .catch(fail)
      .finally(() => void (waiting -= bytes.length));
  };
  return {
    get size() {
      return size;
    },
    get waiting() {
      return waiting;
    },
    get failure() {
      return failure;
    },
    async hashPrefix(isOver) {
      const buffer = Buffer.allocUnsafe(Math.min(PREFIX_BYTES, size));
      try {
        for (let at = 0; at < size && !isOver();) {
          const { bytesRead } = await readPart(fd, buffer, 0, Math.min(buffer.length, size - at), at);
          if (bytesRead === 0) throw faultOf('EIO');
          hash.update(buffer.subarray(0, bytesRead));
          at += bytesRead;
        }
      } catch (error) {
        fail(error);
      }
    },
    add(bytes) {
      hash.update(bytes);
      try {
        put(bytes, size);
      } catch (error) {
        fail(error);
      }
      if (failure !== undefined) throw failure;
      size += bytes.length;
      syncBeside();
    },
    release(piece) {
      if (waits) piece.release();
      else tail = tail.finally(piece.release);
    },
    idle: () => tail,
    async end() {
      await tail;
      await syncing;
    },
    hash: () => hash.digest('hex'),
  };
}
