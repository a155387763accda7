import { join } from 'node:path';
import type { CallOptions } from '../clock/index.js';
import type { Digest } from '../digest/index.js';
import { ContentMismatchError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import { type ContentStore, createVerifier } from '../store/index.js';
import type { LayoutFile, LayoutStat } from './file-system.js';
import type { LayoutContext } from './layout-context.js';
import { failedWith, layoutError } from './layout-errors.js';
import { isRealDirectory } from './layout-paths.js';
import { ignoreStoreError } from './layout-temp.js';

/** Bytes that are read at once. */
const PIECE_BYTES = 256 * 1024;

/** The blobs of a layout. None is trusted for its name: each is hashed before its first use by this store. */
export interface LayoutBlobs extends Pick<ContentStore, 'has' | 'read'> {
  /** Notes what was hashed on its way in. */
  remember(descriptor: Descriptor, stat: LayoutStat, known: { readonly durable: boolean }): void;
  /** Makes sure that content is there and outlasts a power cut, whoever wrote it. For use under the lock, too. */
  settle(contents: readonly Descriptor[], options?: CallOptions): Promise<void>;
}

/** The state of the file that was found to be right; any change of the file makes it another. */
interface Verified {
  readonly version: string;
  durable: boolean;
}

export function createLayoutBlobs(context: LayoutContext): LayoutBlobs {
  const { fs, paths } = context;
  const verified = new Map<Digest, Verified>();

  const lookUp = ({ digest }: Descriptor, stat: LayoutStat): Verified | undefined => {
    const known = verified.get(digest);
    return known?.version === versionOf(stat) ? known : undefined;
  };
  const remember: LayoutBlobs['remember'] = ({ digest }, stat, { durable }) => {
    verified.set(digest, { version: versionOf(stat), durable });
  };

  const markDurable = ({ digest }: Descriptor): void => {
    const known = verified.get(digest);
    if (known !== undefined) known.durable = true;
  };

  /** Whether the file is right, by what is known of it or by its hash. */
  const verify = async (file: LayoutFile, descriptor: Descriptor, signal?: AbortSignal): Promise<LayoutStat | true> => {
    const stat = await file.stat();
    checkKind(stat, paths.blob(descriptor));
    if (stat.size !== descriptor.size) return stat;
    if (lookUp(descriptor, stat) !== undefined) return true;
    if (!(await matches(context, file, descriptor, signal))) return stat;
    remember(descriptor, stat, { durable: false });
    return true;
  };

  const openVerified = async (descriptor: Descriptor, { signal }: CallOptions): Promise<LayoutFile | undefined> => {
    const file = await openBlob(context, descriptor);
    if (file === undefined) return undefined;
    let fault: LayoutStat | true | undefined;
    try {
      fault = await verify(file, descriptor, signal);
      if (fault === true) return file;
    } finally {
      if (fault !== true) await file.close();
    }
    // Of another size it may be right for another descriptor; of the right size it is corrupt.
    if (fault.size === descriptor.size) await quarantine(context, descriptor, fault, signal);
    return undefined;
  };

  return {
    remember,
    async has(descriptor, options = {}) {
      options.signal?.throwIfAborted();
      const stat = await lookAt(context, descriptor);
      if (stat === undefined || stat.size !== descriptor.size) return false;
      if (lookUp(descriptor, stat) !== undefined) return true;
      const file = await openVerified(descriptor, options);
      await file?.close();
      return file !== undefined;
    },
    async *read(descriptor, options = {}) {
      options.signal?.throwIfAborted();
      const path = paths.blob(descriptor);
      const file = await openVerified(descriptor, options);
      if (file === undefined) throw layoutError('read', path, `there is no blob of ${descriptor.size} bytes`);
      try {
        let position = 0;
        for await (const chunk of chunksOf(file, descriptor.size, options.signal)) {
          position += chunk.length;
          yield chunk.slice();
        }
        if (position < descriptor.size) throw layoutError('read', path, 'it became shorter meanwhile');
      } finally {
        await file.close();
      }
    },
    async settle(contents, { signal } = {}) {
      for (const descriptor of contents) {
        signal?.throwIfAborted();
        const stat = await lookAtFile(context, paths.blob(descriptor));
        if (stat !== undefined && lookUp(descriptor, stat)?.durable === true) continue;
        const file = await openBlob(context, descriptor);
        try {
          if (file === undefined || (await verify(file, descriptor, signal)) !== true) {
            throw layoutError('tag', paths.blob(descriptor), 'the blob went away meanwhile');
          }
          await file.sync();
          markDurable(descriptor);
        } finally {
          await file?.close();
        }
      }
      for (const directory of new Set(contents.map(paths.algorithm))) await fs.syncDirectory(directory);
      await fs.syncDirectory(paths.blobs);
    },
  };
}

function versionOf({ inode, size, changed }: LayoutStat): string {
  return `${inode} ${size} ${changed}`;
}

function checkKind({ kind }: LayoutStat, path: string): void {
  if (kind !== 'file') throw layoutError('use', path, kind === 'link' ? 'it is a symbolic link' : 'it is not a file');
}

async function lookAt({ fs, paths }: LayoutContext, descriptor: Descriptor): Promise<LayoutStat | undefined> {
  for (const directory of [paths.blobs, paths.algorithm(descriptor)]) {
    if (!(await isRealDirectory(fs, directory))) return undefined;
  }
  return lookAtFile({ fs }, paths.blob(descriptor));
}

async function lookAtFile({ fs }: Pick<LayoutContext, 'fs'>, path: string): Promise<LayoutStat | undefined> {
  try {
    const stat = await fs.lstat(path);
    checkKind(stat, path);
    return stat;
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function openBlob(context: LayoutContext, descriptor: Descriptor): Promise<LayoutFile | undefined> {
  if ((await lookAt(context, descriptor)) === undefined) return undefined;
  try {
    return await context.fs.open(context.paths.blob(descriptor));
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Reads the file into one buffer, over and over: a chunk is good until the next is asked for. */
async function* chunksOf(
  file: LayoutFile,
  size: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, size));
  for (let position = 0; position < size;) {
    signal?.throwIfAborted();
    const length = await file.read(buffer.subarray(0, Math.min(buffer.length, size - position)), position);
    if (length === 0) return;
    position += length;
    yield buffer.subarray(0, length);
  }
}

async function matches(
  { createHasher }: LayoutContext,
  file: LayoutFile,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const verifier = createVerifier(descriptor, createHasher);
  try {
    for await (const chunk of chunksOf(file, descriptor.size, signal)) verifier.update(chunk);
    verifier.end();
    return true;
  } catch (error) {
    if (error instanceof ContentMismatchError) return false;
    throw error;
  }
}

/**
 * Takes a corrupt blob out of the way. Another writer may put the right one there at the same time, so the file is moved
 * aside first, looked at, and put back if it is not the one that was found corrupt. What cannot be removed, as in a
 * directory that may only be read, stays; it counts as absent all the same.
 */
async function quarantine(
  { fs, paths, owner, exclusive }: LayoutContext,
  descriptor: Descriptor,
  corrupt: LayoutStat,
  signal: AbortSignal | undefined,
): Promise<void> {
  const path = paths.blob(descriptor);
  const aside = join(paths.ingest, owner.createToken());
  const remove = async (): Promise<void> => {
    await fs.rename(path, aside);
    const moved = await fs.lstat(aside);
    if (versionOf(moved) === versionOf(corrupt)) await fs.unlink(aside);
    else await fs.rename(aside, path);
  };
  await exclusive(remove, { signal }).catch(ignoreStoreError);
}
