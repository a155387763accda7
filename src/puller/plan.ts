import { runPool } from '../internal/index.js';
import type { Descriptor, ImageManifest } from '../oci/index.js';
import type { PullContext } from './download.js';
import type { BlobEvent } from './download-pool.js';
import type { PullEvent } from './types.js';

/** What a pull does, before it is said how far all of it has come. */
export type PullStep = Exclude<PullEvent, { readonly type: 'blob' }> | BlobEvent;

/** Contents that a store is asked for at once. */
const AT_ONCE = 16;

/**
 * Finds out what of an image is in the store already, tells the plan, and gives what is there: nobody has to ask for that
 * again.
 */
export async function planPull(
  { store, emit }: PullContext,
  manifest: Descriptor,
  { config, layers }: ImageManifest,
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  const contents = [...new Map([config, ...layers].map((content) => [content.digest, content])).values()];
  const there = new Set<string>();
  await runPool(contents, { limit: AT_ONCE, signal }, async (content, pool) => {
    if (await store.has(content, { signal: pool })) there.add(content.digest);
  });
  const present = contents.filter(({ digest }) => there.has(digest));
  emit({ type: 'plan', manifest, contents, bytes: sum(contents), present, presentBytes: sum(present) });
  return there;
}

/** Puts sums to the events of blobs: what of the plan is there by now, and all of it. */
export function createTotals(): (step: PullStep) => PullEvent {
  const done = new Map<string, number>();
  let [doneBytes, totalBytes] = [0, 0];
  const count = ({ digest }: Descriptor, bytes: number): void => {
    doneBytes += bytes - (done.get(digest) ?? 0);
    done.set(digest, bytes);
  };
  return (step) => {
    if (step.type === 'plan') {
      done.clear();
      [doneBytes, totalBytes] = [0, step.bytes];
      for (const content of step.present) count(content, content.size);
    }
    if (step.type !== 'blob') return step;
    count(step.descriptor, step.bytes);
    return { ...step, doneBytes, totalBytes };
  };
}

function sum(contents: readonly Descriptor[]): number {
  return contents.reduce((bytes, { size }) => bytes + size, 0);
}
