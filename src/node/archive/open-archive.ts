import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type CreateHasher, type Digest, getDigestAlgorithm, isDigest } from '../../digest/index.js';
import { ContentMismatchError, ImageError, isImageError } from '../../errors/index.js';
import { printable, quote } from '../../internal/index.js';
import { withAbort } from '../../store/inner.js';
import { copyBytes } from '../files/copy-bytes.js';
import { ignoreStoreError, layoutError } from '../files/errors.js';
import type { LayoutFile, LayoutFileSystem } from '../files/file-system.js';
import { closeTemp, createTemp, createWriteQueue, discardTemp } from '../files/write-atomic.js';
import { chunksOf } from '../layout/blobs.js';
import { canUnpack, type Packing, peekPacking, unpack } from './packing.js';
import { readTar, type TarEntry, type TarSink } from './read-tar.js';
import { badArchive } from './tar-cursor.js';

/** Links that are followed one after the other. */
const MAX_LINKS = 8;

/** A file of an archive whose content was hashed: a blob of a layout is what its name says. */
export interface ArchivedFile {
  readonly name: string;
  readonly size: number;
  readonly at: number;
  readonly digest: Digest;
}

/** An archive that was read once, from its first byte to its end. */
export interface OpenArchive {
  /** A file by name, also through links; `undefined` when there is none. */
  find(name: string): ArchivedFile | undefined;
  /** A file by what is in it. */
  holding(digest: Digest): ArchivedFile | undefined;
  /** Its bytes; a chunk is good until the next is asked for. */
  read(file: Pick<ArchivedFile, 'size' | 'at'>, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** What it takes to open an archive. */
export interface OpenArchiveOptions {
  readonly fs: LayoutFileSystem;
  readonly createHasher: CreateHasher;
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Reads an archive once, and finds what is in it. A file that is not packed is read where it is; what is packed, or comes
 * as a stream, is written to one temporary file, which has no name any more when this returns.
 */
export async function openArchive(
  source: string | AsyncIterable<Uint8Array>,
  options: OpenArchiveOptions,
): Promise<OpenArchive> {
  if (typeof source !== 'string') {
    const { packing, content } = await peekPacking(withAbort(typedStream(source), options.signal));
    return openStream(unpackArchive(content, packing), options);
  }
  const { fs, signal } = options;
  const path = await fs.realpath(resolve(source));
  const file = await fs.open(path);
  try {
    const { kind, size } = await file.stat();
    if (kind !== 'file') throw layoutError('load', path, 'it is not a file');
    const { packing, content } = await peekPacking(chunksOf(file, size, signal));
    if (packing === 'none') return await scanArchive(file, content, options);
    const opened = await openStream(unpackArchive(content, packing), options);
    await file.close();
    return opened;
  } catch (error) {
    await file.close().catch(ignoreStoreError);
    throw error;
  }
}

async function openStream(archive: AsyncIterable<Uint8Array>, options: OpenArchiveOptions): Promise<OpenArchive> {
  const { fs } = options;
  const temp = await createTemp(fs, join(tmpdir(), `.kubepull-${randomUUID()}.tmp`));
  const queue = createWriteQueue(temp.file);
  try {
    const chunks = noting(archive, (chunk) => queue.add(copyBytes(chunk)));
    const found = await scanFiles(chunks, options);
    await queue.drain();
    await closeTemp(temp);
    return archiveOf(await fs.open(temp.path), found);
  } finally {
    await queue.idle();
    await discardTemp(fs, temp);
  }
}

async function* noting(
  chunks: AsyncIterable<Uint8Array>,
  note: (chunk: Uint8Array) => void | Promise<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    await note(chunk);
    yield chunk;
  }
}

/** A stream fails with errors of its own; here all are ours. */
async function* typedStream(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of source) {
      if (!(chunk instanceof Uint8Array)) throw badArchive('its stream gave something else than bytes');
      yield chunk;
    }
  } catch (error) {
    if (isImageError(error)) throw error;
    throw badArchive('its stream failed', error);
  }
}

async function* unpackArchive(
  content: AsyncIterable<Uint8Array>,
  packing: Packing,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!canUnpack(packing)) {
    const reason = `it is ${packing}, which only Node 22.15 or newer unpacks`;
    throw new ImageError('ERR_OPTION_INVALID', `Cannot load the archive: ${reason}`);
  }
  try {
    yield* unpack(content, packing);
  } catch (error) {
    const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
    if (isImageError(error) || code === undefined || !/^(?:Z_|ZSTD_|ERR_)/.test(code)) throw error;
    throw badArchive(`it is corrupt ${packing} (${printable(code, 32)})`, error);
  }
}

async function scanArchive(
  file: LayoutFile,
  chunks: AsyncIterable<Uint8Array>,
  options: OpenArchiveOptions,
): Promise<OpenArchive> {
  return archiveOf(file, await scanFiles(chunks, options));
}

/** What stands in an archive. */
interface FoundFiles {
  readonly files: ReadonlyMap<string, ArchivedFile>;
  readonly links: ReadonlyMap<string, string>;
}

async function scanFiles(
  chunks: AsyncIterable<Uint8Array>,
  { createHasher, maxBytes, signal }: OpenArchiveOptions,
): Promise<FoundFiles> {
  const files = new Map<string, ArchivedFile>();
  const links = new Map<string, string>();
  const twice = (name: string): ImageError => badArchive(`${quote(name)} is in it twice`);
  await readTar(chunks, maxBytes, (entry) => {
    signal?.throwIfAborted();
    const { name } = entry;
    if (entry.kind === 'link') {
      if (files.has(name) || links.has(name)) throw twice(name);
      links.set(name, entry.target);
      return undefined;
    }
    return hashing(entry, createHasher, (file) => {
      const other = files.get(name);
      // The same file twice can only be read in one way.
      if (links.has(name) || (other !== undefined && other.digest !== file.digest)) throw twice(name);
      files.set(name, file);
    });
  });
  return { files, links };
}

/** Hashes a file; what stands at the place of a blob must be that blob. */
function hashing(
  { name, size, at }: Extract<TarEntry, { kind: 'file' }>,
  createHasher: CreateHasher,
  done: (file: ArchivedFile) => void,
): TarSink {
  const expected = blobAt(name);
  const hasher = createHasher(expected === undefined ? 'sha256' : getDigestAlgorithm(expected));
  return {
    update: (chunk) => hasher.update(chunk),
    end() {
      const digest = hasher.digest();
      if (expected !== undefined && digest !== expected) throw corrupt(name, expected, { digest, size });
      done({ name, size, at, digest });
    },
  };
}

/** The digest that a file must have, by its name. */
function blobAt(name: string): Digest | undefined {
  const [, algorithm = '', hex = ''] =
    /^blobs\/(sha256|sha384|sha512)\/([0-9a-f]+)$/.exec(name) ?? /^(sha256):([0-9a-f]{64})$/.exec(name) ?? [];
  const digest = `${algorithm}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}

function corrupt(name: string, digest: Digest, actual: Pick<ArchivedFile, 'digest' | 'size'>): ContentMismatchError {
  return new ContentMismatchError(`Cannot load the archive: ${quote(name)} has the digest ${actual.digest}`, {
    expected: { mediaType: 'application/octet-stream', digest, size: actual.size },
    actual,
  });
}

function archiveOf(file: LayoutFile, { files, links }: FoundFiles): OpenArchive {
  const byDigest = new Map([...files.values()].map((found) => [found.digest, found]));
  return {
    find(name) {
      let place = name;
      for (let hops = 0; hops <= MAX_LINKS; hops += 1) {
        const target = links.get(place);
        if (target === undefined) return files.get(place);
        place = target;
      }
      throw badArchive(`${quote(name)} leads through more than ${MAX_LINKS} links`);
    },
    holding: (digest) => byDigest.get(digest),
    read: ({ size, at }, signal) => chunksOf(file, size, signal, at),
    close: () => file.close(),
  };
}
