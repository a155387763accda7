import { join } from 'node:path';
import type { CallOptions } from '../../clock/index.js';
import { getDigestAlgorithm } from '../../digest/index.js';
import { StoreError } from '../../errors/index.js';
import { untilAbort } from '../../internal/index.js';
import type { Descriptor } from '../../oci/index.js';
import { type ContentWriter, createVerifier, type FilledContent, type Verifier } from '../../store/index.js';
import { checkFilled } from '../../store/inner.js';
import { copyBytes } from '../files/copy-bytes.js';
import { failedWith, ignoreStoreError, layoutError, systemError, unlessMissing } from '../files/errors.js';
import {
  createTemp,
  createWriteQueue,
  discardTemp,
  placeTemp,
  sealTemp,
  type TempFile,
  type WriteQueue,
} from '../files/write-atomic.js';
import { chunksOf, hasBlob } from './blobs.js';
import { type LayoutContext } from './context.js';
import { ensureDirectory } from './places.js';
import { findPartials, keepPartial, type Partial, removeKept, removePartial } from './ingest.js';
import { ingestName } from './owner.js';

type State = 'open' | 'busy' | 'spoilt' | 'closed';

/**
 * Opens a writer whose bytes go to a file in `ingest/`, and into `blobs/` only when they are all there and right. It goes
 * on where an earlier one was cut; bytes that were refused are gone, so nobody goes on from those.
 */
export async function createLayoutWriter(
  context: LayoutContext,
  descriptor: Descriptor,
  { signal }: CallOptions,
): Promise<ContentWriter> {
  const { fs, paths, owner, background } = context;
  const { digest } = descriptor;
  signal?.throwIfAborted();
  await background.awayOf(digest);
  await ensureDirectory(fs, paths.ingest, paths.root);
  const leave = (await owner.attend?.()) ?? (() => Promise.resolve());
  let attempt: Attempt;
  try {
    attempt = await resumeAttempt(context, descriptor, signal);
  } catch (error) {
    await leave();
    throw error;
  }
  let state: State = 'open';
  let step: Promise<unknown> = Promise.resolve();
  let away: Promise<void> | undefined;

  const enter = (): Attempt => {
    signal?.throwIfAborted();
    if (state === 'open' && away === undefined) return attempt;
    const reason = `the writer is ${away === undefined ? state : 'closed'}`;
    throw new StoreError(`Cannot write content ${digest}: ${reason}`, { operation: 'write' });
  };
  /** Runs one step, so that no other starts before it ends. A failed one leaves bytes of unknown state. */
  const run = (action: () => Promise<void>, next: State = 'open'): Promise<void> => {
    state = 'busy';
    const running = action().then(
      () => void (state = next),
      (error: unknown) => {
        state = 'spoilt';
        throw error;
      },
    );
    step = running;
    return untilAbort(running, signal);
  };
  const putAway = async (): Promise<void> => {
    await step.catch(() => undefined);
    const end = state === 'spoilt' ? discardAttempt : keepAttempt;
    if (state !== 'closed') await end(context, attempt, descriptor).catch(() => undefined);
    await leave();
  };
  const close = (): Promise<void> => {
    away ??= putAway();
    background.putAway(digest, away);
    return away;
  };
  // Nobody gets it who could give it up.
  if (signal?.aborted === true) void close();
  return {
    get offset() {
      return state === 'spoilt' ? 0 : sizeOf(attempt);
    },
    write(chunk, { owned = false } = {}) {
      const current = enter();
      if (current.filled !== undefined) {
        const kept = owned ? chunk : copyBytes(chunk);
        return run(async () => {
          await hashFilled(context, current, signal);
          current.verifier.update(kept);
          await current.queue.add(kept);
        });
      }
      const { verifier, queue } = current;
      state = 'spoilt';
      verifier.update(chunk);
      const rest = queue.add(owned ? chunk : copyBytes(chunk));
      state = 'open';
      return rest === undefined ? undefined : run(() => rest);
    },
    ...(context.lendsFiles
      ? {
          async fill(bring: BringContent) {
            const current = enter();
            let failure: FilledContent['failure'];
            await run(async () => {
              failure = await fillAttempt(descriptor, current, bring);
            });
            if (failure !== undefined) throw failure.error;
          },
        }
      : {}),
    async restart() {
      if (state !== 'spoilt' || away !== undefined) enter();
      await run(async () => {
        await discardAttempt(context, attempt);
        attempt = await beginAttempt(context, descriptor);
      });
    },
    async commit() {
      const done = enter();
      await run(() => commitAttempt(context, descriptor, done, signal), 'closed');
      await close();
    },
    async abort() {
      const end = close();
      // The disk may be slower than an abort may be.
      if (signal?.aborted !== true) await end;
    },
  };
}

async function commitAttempt(
  context: LayoutContext,
  descriptor: Descriptor,
  attempt: Attempt,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { fs, paths, verified } = context;
  const { temp, queue, verifier } = attempt;
  try {
    await queue.drain();
    if (attempt.filled !== undefined && attempt.filled.digest === undefined) await hashFilled(context, attempt, signal);
    if (attempt.filled === undefined) verifier.end();
    else checkFilled(descriptor, attempt.filled);
    const stat = await sealTemp(temp, descriptor.size, 0o444);
    const directory = paths.algorithm(descriptor);
    await ensureDirectory(fs, paths.blobs, paths.root);
    await ensureDirectory(fs, directory, paths.blobs);
    signal?.throwIfAborted();
    await placeTemp(fs, temp, paths.blob(descriptor), directory);
    verified.remember(descriptor, stat, { durable: true });
    await removeKept(context, descriptor.digest);
  } catch (error) {
    await discardAttempt(context, attempt);
    // Where a rename does not replace, another writer's copy of the same content is as good.
    if (!failedWith(error, 'EEXIST') || !(await hasBlob(context, descriptor, { signal }))) throw error;
  }
}

/** One try at some content: a file of its own, which nobody else writes to, and what is known of the bytes in it. */
interface Attempt {
  readonly temp: TempFile;
  queue: WriteQueue;
  /** What it has seen of the content: nothing of what others have put into the file. */
  readonly verifier: Verifier;
  /** What others have put into the file, and nobody has written to since. */
  filled: FilledContent | undefined;
}

function sizeOf({ filled, verifier }: Attempt): number {
  return filled?.size ?? verifier.size;
}

type BringContent = Parameters<NonNullable<ContentWriter['fill']>>[0];

/** Has somebody else fill the file; gives the failure of the source, after which it may go on. */
async function fillAttempt(
  descriptor: Descriptor,
  attempt: Attempt,
  bring: BringContent,
): Promise<FilledContent['failure']> {
  const { temp, queue } = attempt;
  const { digest, size } = descriptor;
  const { fd } = temp.file;
  if (fd === undefined) throw layoutError('write', temp.path, 'it has no descriptor');
  await queue.drain();
  const filled = await bring({ fd, offset: sizeOf(attempt), size, algorithm: getDigestAlgorithm(digest) });
  // A digest counts once all is there; whether it is right is seen at the commit.
  attempt.filled = filled.size < size ? { ...filled, digest: undefined } : filled;
  attempt.queue = createWriteQueue(temp.file, filled.size);
  if (filled.failure?.at === 'file') throw systemError('write', temp.path, filled.failure.error);
  checkFilled(descriptor, { size: filled.size, digest: undefined });
  return filled.failure;
}

/** Goes on by our own hash, over what others have put into the file, too. */
async function hashFilled({ fs }: LayoutContext, attempt: Attempt, signal: AbortSignal | undefined): Promise<void> {
  const { temp, verifier } = attempt;
  const from = verifier.size;
  const missing = sizeOf(attempt) - from;
  const file = await fs.open(temp.path);
  try {
    for await (const chunk of chunksOf(file, missing, signal, from)) verifier.update(chunk);
  } finally {
    await file.close();
  }
  if (verifier.size < from + missing) throw layoutError('read', temp.path, 'it became shorter meanwhile');
  attempt.filled = undefined;
}

/** Starts at the first byte. */
async function beginAttempt(context: LayoutContext, descriptor: Descriptor): Promise<Attempt> {
  const verifier = createVerifier(descriptor, context.createHasher);
  const { fs, paths, owner } = context;
  const temp = await createTemp(fs, join(paths.ingest, ingestName(owner.createToken(), descriptor.digest)));
  return { temp, verifier, queue: createWriteQueue(temp.file), filled: undefined };
}

/**
 * Starts where an earlier writer ended, if there was one. Its bytes are copied into a file of our own, and hashed on the
 * way: whoever can still write to the old file, such as a process that only seems to be dead, cannot change what is
 * committed. That they are the right bytes shows at the commit.
 */
async function resumeAttempt(
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
async function discardAttempt({ fs }: LayoutContext, { temp, queue }: Attempt): Promise<void> {
  await queue.idle();
  await discardTemp(fs, temp);
}

/** Keeps what has come to the disk so far. */
async function keepAttempt(context: LayoutContext, { temp, queue }: Attempt, { digest }: Descriptor): Promise<void> {
  await queue.idle();
  await keepPartial(context, temp, digest);
}
