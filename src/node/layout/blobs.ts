import type { CallOptions } from '../../clock/index.js';
import type { Descriptor } from '../../oci/index.js';
import { copyBytes } from '../files/copy-bytes.js';
import type { LayoutFile, LayoutStat } from './file-system.js';
import { checkKind, chunksOf, hashesTo, openBlob, statBlob, statBlobFile } from './blob-file.js';
import type { LayoutContext } from './context.js';
import { layoutError } from './errors.js';
import { leaseBlob } from './lease.js';
import { quarantineBlob } from './quarantine.js';

/** Whether a blob is there and right, and stays for as long as garbage is spared. */
export async function hasBlob(context: LayoutContext, descriptor: Descriptor, options: CallOptions): Promise<boolean> {
  return (await isBlobRight(context, descriptor, options)) && leaseBlob(context, descriptor, options);
}

/** Whether a blob is there and right. No blob is trusted for its name: each is hashed before its first use. */
export async function isBlobRight(
  context: LayoutContext,
  descriptor: Descriptor,
  options: CallOptions,
): Promise<boolean> {
  options.signal?.throwIfAborted();
  const stat = await statBlob(context, descriptor);
  if (stat?.size !== descriptor.size) return false;
  if (context.verified.isVerified(descriptor, stat)) return true;
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
  if (context.verified.isVerified(descriptor, stat)) return { right: true, stat };
  const right = await hashesTo(context, file, descriptor, signal);
  if (right) context.verified.remember(descriptor, stat, { durable: false });
  return { right, stat };
}
