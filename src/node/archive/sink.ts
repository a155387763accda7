import { randomUUID } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { StoreError } from '../../errors/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { copyBytes } from '../files/copy-bytes.js';
import { layoutError, unlessMissing, withStoreErrors } from '../files/errors.js';
import { fileSystemKind, type LayoutFileSystem, nodeFileSystem } from '../files/file-system.js';
import { createTemp, createWriteQueue, discardTemp, placeTemp, sealTemp } from '../files/write-atomic.js';
import type { ArchiveFileOptions, ArchiveSink } from './types.js';

interface SinkOptions extends ArchiveFileOptions {
  readonly signal?: AbortSignal | undefined;
}

const PATH: is.Kind = { ...is.filledText, what: 'a path' };

/** Writes an archive to a file or a stream; resolves to its size. */
export async function writeToSink(
  sink: ArchiveSink,
  chunks: AsyncIterable<Uint8Array>,
  { fs = nodeFileSystem, signal }: SinkOptions,
): Promise<number> {
  const kinds = { sink: is.either(PATH, is.having('a stream', 'write', 'on')), fs: fileSystemKind };
  check('Cannot write an archive', { sink, fs }, kinds);
  signal?.throwIfAborted();
  if (typeof sink !== 'string') return writeToStream(sink, chunks, signal);
  return writeToFile(withStoreErrors(fs), resolve(sink), chunks, signal);
}

async function writeToFile(
  fs: LayoutFileSystem,
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<number> {
  await checkTarget(fs, path);
  const directory = dirname(path);
  const temp = await createTemp(fs, join(directory, `.kubepull-${randomUUID()}.tmp`));
  const queue = createWriteQueue(temp.file);
  try {
    let size = 0;
    for await (const chunk of chunks) {
      size += chunk.length;
      await queue.add(copyBytes(chunk));
    }
    await queue.drain();
    await sealTemp(temp, size, 0o644);
    signal?.throwIfAborted();
    await placeTemp(fs, temp, path, directory);
    return size;
  } catch (error) {
    await queue.idle();
    await discardTemp(fs, temp);
    throw error;
  }
}

/** A rename would put the archive in the place of a device or a link, such as `/dev/stdout`. */
async function checkTarget(fs: LayoutFileSystem, path: string): Promise<void> {
  const stat = await unlessMissing(fs.lstat(path));
  if (stat === undefined || stat.kind === 'file') return;
  throw layoutError('write', path, `it is ${stat.kind === 'link' ? 'a symbolic link' : 'not a file'}`);
}

async function writeToStream(
  stream: Writable,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<number> {
  // It stays after a failure: the event may come later than the failed call.
  const ignore = (): void => undefined;
  stream.on('error', ignore);
  let size = 0;
  for await (const chunk of chunks) {
    await taken(stream, chunk, signal);
    size += chunk.length;
  }
  stream.off('error', ignore);
  return size;
}

/** Waits until the stream has dealt with a chunk, has ended before that, or nobody waits any more. */
async function taken(stream: Writable, chunk: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
  let release = (): void => undefined;
  try {
    await new Promise<void>((done, fail) => {
      const onAbort = (): void => fail(signal?.reason);
      const onClose = (): void => fail(streamError(undefined));
      release = () => {
        signal?.removeEventListener('abort', onAbort);
        stream.off('close', onClose);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      stream.once('close', onClose);
      stream.write(chunk, (error) => (error ? fail(streamError(error)) : done()));
      if (signal?.aborted) onAbort();
    });
  } finally {
    release();
  }
}

function streamError(error: NodeJS.ErrnoException | undefined): StoreError {
  const reason = error === undefined ? 'it was closed' : 'it failed';
  const failure = { operation: 'write', errno: error?.code, cause: error };
  return new StoreError(`Cannot write an archive to the stream: ${reason}`, failure);
}
