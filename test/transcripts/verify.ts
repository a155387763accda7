// One kubelet and one pod after the other: which may use an image that is there, and what is written of it.
import { setImmediate } from 'node:timers/promises';
import { createCriImageService } from 'kubepull/cri';
import { createImageManager, type ImageManager } from 'kubepull/image-manager';
import { nodeHasher, openPulledRecords } from 'kubepull/node';
import { createFakeClock } from 'kubepull/testing';
import { canonical } from '../support/canonical.ts';
import { type Comparison, createComparison, type Replay } from './comparison.ts';
import { type ContainerState, createPodWorker, type NotedEvent, type TimedState } from './kubelet.ts';
import {
  keyringOf,
  type NodeInputs,
  releaseOf,
  type SecretInput,
  secretOf,
  serviceAccountOf,
  type Source,
} from './node-inputs.ts';
import { createRecordsFolder, mortal, type RecordFiles, uidsIn, withOrderOfTimes } from './records-folder.ts';
import { compareEvents, type TimedEvent } from './scenario-events.ts';
import { type CallResult, type ScriptedImage, type ScriptedRuntime, startScriptedRuntime } from './scripted-runtime.ts';

interface VerifyCall {
  readonly call: string;
  readonly image: string;
  readonly auth?: object | null;
  readonly result?: CallResult;
}

interface VerifyStep {
  readonly name: string;
  readonly image: string;
  readonly secrets: readonly string[];
  readonly imagePullPolicy: string;
  readonly calls: readonly VerifyCall[];
  readonly state: ContainerState & { readonly pulling?: true };
  readonly events: readonly NotedEvent[];
}

export interface VerifyFile {
  readonly scenario: string;
  readonly source: Source;
  readonly inputs: {
    readonly node: NodeInputs;
    readonly secrets: readonly SecretInput[];
    readonly runtimeImages: Readonly<Record<string, ScriptedImage>>;
    /** The step after which kubelet is killed; with `!`, while its pull is under way. */
    readonly restartAfter: string;
  };
  readonly steps: readonly VerifyStep[];
  readonly recordFiles: Readonly<Record<string, RecordFiles>>;
}

/** Between two steps, and between two syncs of one: a pod that may not pull yet is not asked for it. */
const STEP_MS = 10_000;
const SYNC_MS = 1_000;
const CONTAINER = 'app';

export async function replayVerification(file: VerifyFile): Promise<Replay> {
  const comparison = createComparison();
  const { inputs, recordFiles } = file;
  const namespace = file.scenario.replace(/^verify-/u, 'vf-').toLowerCase();
  const uids = uidsIn(Object.values(recordFiles));
  const secrets = inputs.secrets.map((secret) => secretOf(secret, namespace, uids.get(secret.name) ?? secret.name));
  const clock = createFakeClock();
  const folder = createRecordsFolder();
  // A pull that takes long never ends: kubelet is killed before.
  const runtime = await startScriptedRuntime(inputs.runtimeImages, { sleep: () => new Promise(() => undefined) });
  const images = createCriImageService({ endpoint: runtime.endpoint });
  const events: TimedEvent[] = [];
  const note = ({ type, reason, message }: NotedEvent): void =>
    void events.push({ type, reason, message, t: clock.monotonic() });
  const start = async (): Promise<{ readonly manager: ImageManager; kill(): void }> => {
    const { records, kill } = mortal(await openPulledRecords(folder.root));
    const manager = createImageManager({
      ...inputs.node.kubeletConfiguration,
      release: releaseOf(file.source),
      images,
      records,
      clock,
      createHasher: nodeHasher,
      keyring: keyringOf(inputs.node, serviceAccountOf(undefined, namespace), clock),
      onEvent: note,
    });
    return { manager, kill };
  };
  const snapshots: Record<string, RecordFiles> = {};
  try {
    let kubelet = await start();
    for (const step of file.steps) {
      await clock.advance(STEP_MS);
      events.length = 0;
      const before = runtime.calls.length;
      const pod = {
        metadata: { name: step.name, namespace, uid: step.name },
        spec: {
          containers: [{ name: CONTAINER, image: step.image, imagePullPolicy: step.imagePullPolicy }],
          imagePullSecrets: step.secrets.map((name) => ({ name })),
        },
      };
      const worker = createPodWorker({ manager: kubelet.manager, images, pod, secrets, clock, onEvent: note });
      let settled = Infinity;
      const isDone = (): boolean => runtime.calls.length - before >= step.calls.length;
      if (step.state.pulling === true) await startPull(worker.sync(), runtime);
      else
        for (let syncs = 0; syncs === 0 || (!isDone() && syncs < step.calls.length); syncs += 1) {
          if (syncs > 0) settled = events.length;
          await clock.advance(SYNC_MS);
          await worker.sync();
        }
      const calls = runtime.calls
        .slice(before)
        .map(({ image, ...call }) => ({ ...call, image: image.image, sandbox: undefined }));
      compareStep(comparison, step, {
        calls,
        events: [...events],
        settled,
        states: worker.states.get(CONTAINER) ?? [],
      });
      if (step.name !== inputs.restartAfter.replace('!', '')) continue;
      snapshots['beforeRestart'] = folder.read();
      kubelet.kill();
      runtime.setPresent(step.image);
      await clock.advance(STEP_MS);
      kubelet = await start();
      await kubelet.manager.recoverIntents();
      snapshots['afterRestart'] = folder.read();
    }
    snapshots['end'] = folder.read();
  } finally {
    await images.close();
    runtime.close();
    folder.remove();
  }
  compareFiles(comparison, recordFiles, snapshots);
  return comparison;
}

async function startPull(sync: Promise<void>, runtime: ScriptedRuntime): Promise<void> {
  sync.catch(() => undefined);
  while (runtime.pulls.now === 0) await setImmediate();
}

function compareStep(
  comparison: Comparison,
  { name, calls, events, state }: VerifyStep,
  got: {
    readonly calls: readonly VerifyCall[];
    readonly events: readonly TimedEvent[];
    readonly settled: number;
    readonly states: readonly TimedState[];
  },
): void {
  comparison.list(`call of ${name}`, calls, got.calls);
  const context = { shown: [], settled: got.settled, started: 0, hasSilentSyncs: false };
  compareEvents(comparison, `event of ${name}`, events, got.events, context);
  const states = got.states.map((one) => ({ ...one, t: undefined, imageID: undefined }));
  // The API server heard of one of the states that the pod had.
  const wanted = canonical(state);
  const holds = state.pulling === true ? states.length === 0 : states.some((one) => canonical(one) === wanted);
  comparison.note(`state of ${name}`, holds, state, states);
}

function compareFiles(
  comparison: Comparison,
  recordFiles: VerifyFile['recordFiles'],
  snapshots: VerifyFile['recordFiles'],
): void {
  const [want, got] = [withOrderOfTimes(recordFiles), withOrderOfTimes(snapshots)];
  for (const moment of new Set([...Object.keys(want), ...Object.keys(got)])) {
    const filesOf = (files: RecordFiles = {}): readonly (readonly [string, string])[] =>
      Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1));
    comparison.list(`file ${moment}`, filesOf(want[moment]), filesOf(got[moment]));
  }
}
