import type { CallOptions } from '../../clock/index.js';
import { StoreError } from '../../errors/index.js';
import type { Descriptor } from '../../oci/index.js';
import type { ContentWriter } from '../../store/index.js';
import { copyBytes } from '../files/copy-bytes.js';
import { type Attempt, beginAttempt, discardAttempt, keepAttempt, resumeAttempt } from './attempt.js';
import { hasBlob } from './blobs.js';
import type { LayoutContext } from './context.js';
import { failedWith } from './errors.js';
import { removeKept } from './partial.js';
import { ensureDirectory } from './paths.js';
import { placeTemp, sealTemp } from './temp.js';

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
  signal?.throwIfAborted();
  let attempt = await resumeAttempt(context, descriptor, signal);
  let state: State = 'open';
  let step: Promise<unknown> = Promise.resolve();

  const enter = (): Attempt => {
    signal?.throwIfAborted();
    if (state === 'open') return attempt;
    throw new StoreError(`Cannot write content ${descriptor.digest}: the writer is ${state}`, { operation: 'write' });
  };
  /** Runs one step, so that no other starts before it ends. A failed one leaves bytes of which nobody knows the state. */
  const run = async (action: () => Promise<void>): Promise<void> => {
    state = 'busy';
    try {
      const running = action();
      step = running;
      await running;
    } catch (error) {
      state = 'spoilt';
      throw error;
    }
    state = 'open';
  };
  return {
    get offset() {
      return state === 'spoilt' ? 0 : attempt.verifier.size;
    },
    write(chunk, { owned = false } = {}) {
      const { verifier, queue } = enter();
      state = 'spoilt';
      verifier.update(chunk);
      const rest = queue.add(owned ? chunk : copyBytes(chunk));
      state = 'open';
      return rest === undefined ? undefined : run(() => rest);
    },
    async restart() {
      if (state !== 'spoilt') enter();
      await run(async () => {
        await discardAttempt(context, attempt);
        attempt = await beginAttempt(context, descriptor);
      });
    },
    async commit() {
      const done = enter();
      await run(() => commitAttempt(context, descriptor, done, signal));
      state = 'closed';
    },
    async abort() {
      if (state === 'closed') return;
      await step.catch(() => undefined);
      const end = state === 'spoilt' ? discardAttempt : keepAttempt;
      state = 'closed';
      await end(context, attempt, descriptor).catch(() => undefined);
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
    verifier.end();
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
