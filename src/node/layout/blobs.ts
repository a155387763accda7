import { join } from 'node:path';
import type { CallOptions } from '../../clock/index.js';
import { ContentMismatchError } from '../../errors/index.js';
import type { Descriptor } from '../../oci/index.js';
import { createVerifier } from '../../store/index.js';
import { copyBytes } from '../files/copy-bytes.js';
import { ignoreStoreError, layoutError, unlessMissing } from '../files/errors.js';
import type { LayoutFile, LayoutStat } from '../files/file-system.js';
import { type Hold, type LayoutContext } from './context.js';
import { versionOf } from './remembered.js';

/** Whether a blob is there and right, and stays for as long as garbage is spared. */
export async function hasBlob(context: LayoutContext, descriptor: Descriptor, options: CallOptions): Promise<boolean> {
  return (await isBlobRight(context, descriptor, options)) && leaseBlob(context, descriptor, options);
}

/** Whether a blob is there and right. No blob is trusted for its name: each is hashed before its first
 * use, unless that was done before and its file has not changed since. */
export async function isBlobRight(
  context: LayoutContext,
  descriptor: Descriptor,
  options: CallOptions,
): Promise<boolean> {
  options.signal?.throwIfAborted();
  const stat = await statBlob(context, descriptor);
  if (stat?.size !== descriptor.size) return false;
  if (await isKnown(context, descriptor, stat)) return true;
  const file = await openVerified(context, descriptor, options);
  await file?.close();
  return file !== undefined;
}

export async function* readBlob(
  context: LayoutContext,
  descriptor: Descriptor,
  options: CallOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  options.signal?.throwIfAborted();
  const small = descriptor.size > 0 && descriptor.size <= SMALL_BYTES;
  const whole = small ? await readSmallBlob(context, descriptor) : undefined;
  if (whole !== undefined) {
    yield whole;
    return;
  }
  const path = context.paths.blob(descriptor);
  const file = await openVerified(context, descriptor, options);
  if (file === undefined) throw layoutError('read', path, `there is no blob of ${descriptor.size} bytes`);
  try {
    let position = 0;
    for await (const chunk of chunksOf(file, descriptor.size, options.signal)) {
      position += chunk.length;
      yield copyBytes(chunk);
    }
    if (position < descriptor.size) throw layoutError('read', path, 'it became shorter meanwhile');
  } finally {
    await file.close();
  }
}

/** The most that is read in one piece: manifests and configs, of which a list of images reads many. */
const SMALL_BYTES = 64 * 1024;

/**
 * The bytes of a small blob if it is there and right; of any other the caller has to find out what is wrong. What is read
 * is what is hashed and given, so nobody can change it in between.
 */
async function readSmallBlob(context: LayoutContext, descriptor: Descriptor): Promise<Uint8Array | undefined> {
  const { fs, paths, verified, kept, createHasher } = context;
  const path = paths.blob(descriptor);
  const known = kept.of(descriptor);
  if (known?.bytes.length === descriptor.size) {
    const present = await fs.lstat(path).catch((error: unknown) => void ignoreStoreError(error));
    if (present !== undefined && versionOf(present) === known.version) return copyBytes(known.bytes);
  }
  if (!(await context.hasDirectories(descriptor))) return undefined;
  const file = await fs.open(path).catch((error: unknown) => void ignoreStoreError(error));
  if (file === undefined) return undefined;
  try {
    const stat = await file.stat();
    if (stat.kind !== 'file' || stat.size !== descriptor.size) return undefined;
    const bytes = new Uint8Array(descriptor.size);
    if ((await file.read(bytes, 0)) !== bytes.length) return undefined;
    if (!verified.isVerified(descriptor, stat)) {
      const verifier = createVerifier(descriptor, createHasher);
      verifier.update(bytes);
      verifier.end();
      verified.remember(descriptor, stat, { durable: false });
    }
    kept.keep(descriptor, { version: versionOf(stat), bytes: copyBytes(bytes) });
    return bytes;
  } catch (error) {
    if (error instanceof ContentMismatchError) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}

/**
 * Makes sure that content is there and outlasts a power cut, whoever wrote it: a blob in sight may be one that another
 * process has renamed, and not yet forced to the disk. It removes nothing, so it can be used under the lock.
 */
export async function settleBlobs(
  context: LayoutContext,
  contents: readonly Descriptor[],
  { signal }: CallOptions,
): Promise<void> {
  const { fs, paths } = context;
  for (const descriptor of contents) {
    signal?.throwIfAborted();
    const stat = await statBlobFile(context, descriptor);
    if (stat === undefined || !context.verified.isDurable(descriptor, stat)) await settle(context, descriptor, signal);
  }
  for (const directory of new Set(contents.map(paths.algorithm))) await fs.syncDirectory(directory);
  await fs.syncDirectory(paths.blobs);
}

async function settle(context: LayoutContext, descriptor: Descriptor, signal: AbortSignal | undefined): Promise<void> {
  const file = await openBlob(context, descriptor);
  try {
    const found = file === undefined ? undefined : await inspect(context, file, descriptor, signal);
    if (file === undefined || found?.right !== true) {
      throw layoutError('tag', context.paths.blob(descriptor), 'the blob went away meanwhile');
    }
    await file.sync();
    context.verified.remember(descriptor, found.stat, { durable: true });
  } finally {
    await file?.close();
  }
}

/** A blob, open, if it is right. A corrupt one is taken out of the way. */
async function openVerified(
  context: LayoutContext,
  descriptor: Descriptor,
  { signal }: CallOptions,
): Promise<LayoutFile | undefined> {
  const file = await openBlob(context, descriptor);
  if (file === undefined) return undefined;
  let found: Inspected | undefined;
  try {
    found = await inspect(context, file, descriptor, signal);
    if (found.right) return file;
  } finally {
    if (found?.right !== true) await file.close();
  }
  // Of another size it may be right for another descriptor; of this size it is corrupt.
  if (found.stat.size === descriptor.size) await quarantineBlob(context, descriptor, found.stat, signal);
  return undefined;
}

interface Inspected {
  readonly right: boolean;
  readonly stat: LayoutStat;
}

/** Whether an open file is what the descriptor says, by what is known of it or by its hash. */
async function inspect(
  context: LayoutContext,
  file: LayoutFile,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Inspected> {
  const stat = await file.stat();
  checkKind(stat, context.paths.blob(descriptor));
  if (stat.size !== descriptor.size) return { right: false, stat };
  if (await isKnown(context, descriptor, stat)) return { right: true, stat };
  const right = await hashesTo(context, file, descriptor, signal);
  if (right) context.verified.remember(descriptor, stat, { durable: false });
  return { right, stat };
}

/** Whether this process has verified the file, or an earlier one that it trusts. */
async function isKnown(
  { verified, remembered }: LayoutContext,
  descriptor: Descriptor,
  stat: LayoutStat,
): Promise<boolean> {
  if (verified.isVerified(descriptor, stat)) return true;
  if (!(await remembered.has(descriptor, stat))) return false;
  verified.remember(descriptor, stat, { durable: true });
  return true;
}

/** A blob that was touched this short a time ago is not touched again, so it may look older than it is by as much. */
export const LEASE_MS = 1000;

/**
 * Marks a blob as in use, so that the collection of garbage spares it until its finder can have named it. Resolves to
 * whether it is still there.
 *
 * Setting the mode that it has already moves a time that nothing else moves. It is done under the lock, so that nobody
 * can be about to remove the blob. Where it cannot be done, as in a directory that may only be read, nobody collects.
 */
async function leaseBlob(context: LayoutContext, descriptor: Descriptor, options: CallOptions): Promise<boolean> {
  const { fs, paths, clock, exclusive } = context;
  const stat = await unlessMissing(fs.lstat(paths.blob(descriptor)));
  if (stat === undefined || clock.now() - Number(stat.touched / 1_000_000n) < LEASE_MS) return stat !== undefined;
  const touch = async ({ confirm }: Hold): Promise<boolean> => {
    const file = await openBlob(context, descriptor);
    try {
      await file?.chmod(0o444);
    } finally {
      await file?.close();
    }
    await confirm();
    return file !== undefined;
  };
  return exclusive(touch, options).catch((error: unknown) => {
    ignoreStoreError(error);
    // Who lost the lock may have touched what another was about to remove.
    return unlessMissing(fs.lstat(paths.blob(descriptor))).then(
      (found) => found !== undefined,
      () => true,
    );
  });
}

/**
 * Takes a corrupt blob out of the way. What cannot be removed, as in a directory that may only be read, stays; it counts
 * as absent all the same.
 */
async function quarantineBlob(
  context: LayoutContext,
  descriptor: Descriptor,
  corrupt: LayoutStat,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Names are given under the lock, so what has come by now may be in use; what comes later is not yet.
  const remove = (hold: Hold): Promise<unknown> => removeBlobFile(context, hold, descriptor, corrupt);
  await context.exclusive(remove, { signal }).catch(ignoreStoreError);
}

/**
 * Removes the file of a blob if it is still the one that was looked at, and resolves to whether it was. Another writer may
 * put a new one there at the same time, so the file is looked at, moved aside, looked at again, and put back if need be.
 */
export async function removeBlobFile(
  { fs, paths, owner }: LayoutContext,
  hold: Hold,
  content: Pick<Descriptor, 'digest'>,
  stat: LayoutStat,
): Promise<boolean> {
  const path = paths.blob(content);
  const present = await unlessMissing(fs.lstat(path));
  if (present === undefined || versionOf(present) !== versionOf(stat)) return false;
  const aside = join(hold.directory, owner.createToken());
  await fs.rename(path, aside);
  const moved = await fs.lstat(aside);
  const isSame = versionOf(moved) === versionOf(stat);
  // A link is no blob, whoever put it there.
  if (isSame || moved.kind === 'link') await fs.unlink(aside);
  else await fs.rename(aside, path);
  return isSame;
}

/** Bytes that are read at once. */
const PIECE_BYTES = 256 * 1024;

type Place = Pick<LayoutContext, 'fs' | 'paths' | 'hasDirectories'>;

/** Looks at the file of a blob, if there is one. Links, pipes and directories in its place are refused. */
async function statBlob(place: Place, descriptor: Descriptor): Promise<LayoutStat | undefined> {
  return (await place.hasDirectories(descriptor)) ? statBlobFile(place, descriptor) : undefined;
}

/** As {@link statBlob}, when the directories have been looked at. */
async function statBlobFile(
  { fs, paths }: Pick<Place, 'fs' | 'paths'>,
  descriptor: Descriptor,
): Promise<LayoutStat | undefined> {
  const path = paths.blob(descriptor);
  const stat = await unlessMissing(fs.lstat(path));
  if (stat !== undefined) checkKind(stat, path);
  return stat;
}

/** Opens a blob for reading, if there is one. What is open is a file, and what was looked at may have been another. */
export async function openBlob(place: Place, descriptor: Descriptor): Promise<LayoutFile | undefined> {
  if ((await statBlob(place, descriptor)) === undefined) return undefined;
  return unlessMissing(place.fs.open(place.paths.blob(descriptor)));
}

function checkKind({ kind }: LayoutStat, path: string): void {
  if (kind !== 'file') throw layoutError('use', path, kind === 'link' ? 'it is a symbolic link' : 'it is not a file');
}

/** Reads into one buffer, over and over: a chunk is good until the next is asked for. Ends early where the file ends. */
export async function* chunksOf(
  file: LayoutFile,
  size: number,
  signal: AbortSignal | undefined,
  from: number = 0,
): AsyncGenerator<Uint8Array, void, undefined> {
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, size));
  for (let position = 0; position < size;) {
    signal?.throwIfAborted();
    const length = await file.read(buffer.subarray(0, Math.min(buffer.length, size - position)), from + position);
    if (length === 0) return;
    position += length;
    yield buffer.subarray(0, length);
  }
}

/** Whether a file holds the content, by its hash. */
export async function hashesTo(
  { createHasher }: Pick<LayoutContext, 'createHasher'>,
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
