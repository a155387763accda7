// Six pods at once: how many pulls are under way at the same time, and which are refused.
import { setImmediate } from 'node:timers/promises';
import { createCriImageService } from 'kubepull/cri';
import { createImageManager, type ImageEvent, type PullConfiguration } from 'kubepull/image-manager';
import type { KubernetesRelease } from 'kubepull/kubernetes';
import { nodeHasher } from 'kubepull/node';
import { createFakeClock } from 'kubepull/testing';
import { type Comparison, createComparison, type Replay } from './comparison.ts';
import { releaseOf, type Source } from './node-inputs.ts';
import { type RuntimeCall, startScriptedRuntime } from './scripted-runtime.ts';
import { withoutDurations } from './tolerance.ts';

interface ParallelCase {
  readonly kubeletConfiguration: PullConfiguration;
  readonly pulls: number;
  readonly maxInFlight: number;
  /** Waiting states by pod. */
  readonly states: Readonly<Record<string, readonly string[]>>;
  /** Pod, type, reason and message. */
  readonly events: readonly string[];
}

export interface ParallelFile {
  readonly source: Source;
  readonly cases: Readonly<Record<string, ParallelCase>>;
}

const PODS = 6;
const PULL_MS = 1_500;
/** Where a limit per second is looked at. */
const SHORT_PULL_MS = 50;

export async function replayParallel({ source, cases }: ParallelFile): Promise<Replay> {
  const comparison = createComparison();
  for (const [name, one] of Object.entries(cases)) await replayParallelCase(comparison, name, one, releaseOf(source));
  return comparison;
}

async function replayParallelCase(
  comparison: Comparison,
  name: string,
  one: ParallelCase,
  release: KubernetesRelease,
): Promise<void> {
  const { kubeletConfiguration: configuration } = one;
  const hasLimit = configuration.registryPullQPS !== 0;
  const pulling = { delayMs: hasLimit ? SHORT_PULL_MS : PULL_MS };
  const pods = Array.from({ length: PODS }, (_, index) => `p${index}`);
  const imageOf = (pod: string): string => `anon.example.net/par-${name}/${pod.replace('p', 'i')}:1`;
  const script = pods.map((pod) => [imageOf(pod), { id: `sha256:${pod}`, pull: [pulling] }] as const);
  const clock = createFakeClock();
  const runtime = await startScriptedRuntime(Object.fromEntries(script), { sleep: (ms) => clock.sleep(ms) });
  const images = createCriImageService({ endpoint: runtime.endpoint });
  const events: string[] = [];
  const states = new Map<string, string[]>();
  const onEvent = ({ involvedObject, type, reason, message }: ImageEvent): void =>
    void events.push(`${involvedObject.name} ${type} ${reason} ${withoutDurations(message)}`);
  const manager = createImageManager({ ...configuration, release, images, createHasher: nodeHasher, clock, onEvent });
  const ensure = async (pod: string): Promise<void> => {
    const spec = { containers: [{ name: 'app', image: imageOf(pod) }] };
    const request = { pod: { metadata: { name: pod, uid: pod }, spec }, container: 'app' };
    const result = await manager.ensureContainerImage(request);
    if (result.status === 'waiting')
      states.set(pod, [...(states.get(pod) ?? []), `${result.reason}: ${result.message}`]);
  };
  /** Runs syncs until each has ended; time goes on when all of them wait for it. */
  const run = async (syncs: readonly Promise<void>[]): Promise<void> => {
    let ended = 0;
    for (const sync of syncs) void sync.finally(() => (ended += 1)).catch(() => undefined);
    while (ended < syncs.length) {
      await setImmediate();
      const waiting = manager.stats.queued + clock.pending;
      if (clock.pending > 0 && clock.pending === runtime.pulls.now && ended + waiting === syncs.length)
        await clock.advance(pulling.delayMs);
    }
    await Promise.all(syncs);
  };
  try {
    // Which of several pods comes first is left open, so those that were refused come last.
    const order = pods.toSorted((a, b) => Number(a in one.states) - Number(b in one.states));
    const most = hasLimit ? one.maxInFlight : PODS;
    for (let at = 0; at < PODS; at += most) await run(order.slice(at, at + most).map(ensure));
    // Those that were refused ask twice more: at once, and one after the other when they may.
    const refused = order.filter((pod) => states.has(pod));
    await run(refused.map(ensure));
    const [want, left] = [one.events.map(withoutDurations), one.pulls - runtime.calls.filter(isPull).length];
    const later = refused.toSorted((a, b) => Number(isPulled(b, want)) - Number(isPulled(a, want)));
    for (const pod of later.slice(0, left)) {
      await clock.advance(10_000);
      await run([ensure(pod)]);
    }
    comparison.equal(`${name} pulls`, one.pulls, runtime.calls.filter(isPull).length);
    comparison.equal(`${name} maxInFlight`, one.maxInFlight, runtime.pulls.most);
    comparison.equal(`${name} states`, one.states, Object.fromEntries(states));
    const seen = new Set(events.filter((event) => want.includes(event) || !isRepeated(event)));
    comparison.list(`${name} event`, want.toSorted(), [...seen].toSorted());
  } finally {
    await images.close();
    runtime.close();
  }
}

function isPulled(pod: string, events: readonly string[]): boolean {
  return events.some((event) => event.startsWith(`${pod} Normal Pulled `));
}

function isPull({ call }: RuntimeCall): boolean {
  return call === 'PullImage';
}

/** The file notes how pulls ended. */
function isRepeated(event: string): boolean {
  return / (?:Pulling|BackOff) /u.test(event) || event.endsWith(' Error: ImagePullBackOff');
}
