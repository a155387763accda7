import { runPool } from '../internal/index.js';
import type { Descriptor, ImageManifest } from '../oci/index.js';
import type { PullContext } from './context.js';
import type { ImageStore } from '../store/index.js';
import type { PullEvent, PullStep } from './events.js';

/** Contents that a store is asked for at once. */
const AT_ONCE = 16;

/** What an image is made of besides its manifest, each once, and what of that a store has. */
export interface ContentPlan {
  readonly contents: readonly Descriptor[];
  readonly bytes: number;
  readonly present: readonly Descriptor[];
  readonly presentBytes: number;
}

export async function planContents(
  { config, layers }: ImageManifest,
  { store, signal }: { readonly store: Pick<ImageStore, 'has'> | undefined; readonly signal: AbortSignal | undefined },
): Promise<ContentPlan> {
  const contents = [...new Map([config, ...layers].map((content) => [content.digest, content])).values()];
  const there = new Set<string>();
  await runPool(contents, { limit: AT_ONCE, signal }, async (content, pool) => {
    if ((await store?.has(content, { signal: pool })) === true) there.add(content.digest);
  });
  const present = contents.filter(({ digest }) => there.has(digest));
  return { contents, bytes: sum(contents), present, presentBytes: sum(present) };
}

/** Tells the plan of a pull, and gives what is there already: nobody has to ask for that again. */
export async function planPull(
  { store, emit }: PullContext,
  manifest: Descriptor,
  document: ImageManifest,
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  const plan = await planContents(document, { store, signal });
  emit({ type: 'plan', manifest, ...plan });
  return new Set(plan.present.map(({ digest }) => digest));
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
