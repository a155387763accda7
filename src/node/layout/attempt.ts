import type { Descriptor } from '../../oci/index.js';
import { createVerifier, type Verifier } from '../../store/index.js';
import { copyBytes } from '../files/copy-bytes.js';
import { chunksOf } from './blob-file.js';
import type { LayoutContext } from './context.js';
import { unlessMissing } from './errors.js';
import { findPartials, keepPartial, type Partial, removePartial } from './partial.js';
import { createTemp, discardTemp, ignoreStoreError, type TempFile } from './temp.js';
import { createWriteQueue, type WriteQueue } from './write-queue.js';

/** One try at some content: a file of its own, which nobody else writes to, and what is known of the bytes in it. */
export interface Attempt {
  readonly temp: TempFile;
  readonly queue: WriteQueue;
  readonly verifier: Verifier;
}

/** Starts at the first byte. */
export async function beginAttempt(context: LayoutContext, descriptor: Descriptor): Promise<Attempt> {
  const verifier = createVerifier(descriptor, context.createHasher);
  const temp = await createTemp(context, descriptor.digest);
  return { temp, verifier, queue: createWriteQueue(temp.file) };
}

/**
 * Starts where an earlier writer ended, if there was one. Its bytes are copied into a file of our own, and hashed on the
 * way: whoever can still write to the old file, such as a process that only seems to be dead, cannot change what is
 * committed. That they are the right bytes shows at the commit.
 */
export async function resumeAttempt(
  context: LayoutContext,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Attempt> {
  const attempt = await beginAttempt(context, descriptor);
  try {
    const partials = await findPartials(context, descriptor.digest);
    const [longest] = partials.filter(({ size }) => size <= descriptor.size);
    if (longest !== undefined) await copyPartial(context, longest, attempt, signal);
    for (const { path } of partials) await removePartial(context, path);
    return attempt;
  } catch (error) {
    await discardAttempt(context, attempt);
    signal?.throwIfAborted();
    ignoreStoreError(error);
  }
  return beginAnew(context, descriptor);
}

/** What cannot be read, or has no room twice, is of no use; the room it takes may be what the content needs. */
async function beginAnew(context: LayoutContext, descriptor: Descriptor): Promise<Attempt> {
  const partials = await findPartials(context, descriptor.digest).catch(
    (error: unknown) => (ignoreStoreError(error), []),
  );
  for (const { path } of partials) await removePartial(context, path).catch(ignoreStoreError);
  return beginAttempt(context, descriptor);
}

async function copyPartial(
  { fs }: LayoutContext,
  { path, size }: Partial,
  { verifier, queue }: Attempt,
  signal: AbortSignal | undefined,
): Promise<void> {
  const file = await unlessMissing(fs.open(path));
  if (file === undefined) return;
  try {
    for await (const chunk of chunksOf(file, size, signal)) {
      verifier.update(chunk);
      await queue.add(copyBytes(chunk));
    }
  } finally {
    await file.close();
  }
}

/** Removes what was written. */
export async function discardAttempt({ fs }: LayoutContext, { temp, queue }: Attempt): Promise<void> {
  await queue.idle();
  await discardTemp(fs, temp);
}

/** Keeps what has come to the disk so far. */
export async function keepAttempt(
  context: LayoutContext,
  { temp, queue }: Attempt,
  { digest }: Descriptor,
): Promise<void> {
  await queue.idle();
  await keepPartial(context, temp, digest);
}
