// A pod that a kubelet looked after: what it asked of its runtime, its events, and the states of its containers.
import { createCriImageService } from 'kubepull/cri';
import { createImageManager, type ManagedPodLike } from 'kubepull/image-manager';
import type { ImageVolumeLike } from 'kubepull/kubernetes';
import { nodeHasher } from 'kubepull/node';
import { defaultPodPullPolicies } from 'kubepull/pull-policy';
import { admitServiceAccount, type SecretLike } from 'kubepull/pull-secrets';
import { createFakeClock, type FakeClock } from 'kubepull/testing';
import { canonical } from '../support/canonical.ts';
import { type Comparison, createComparison, type Replay } from './comparison.ts';
import { createPodWorker, type NotedEvent, type PodWorker } from './kubelet.ts';
import {
  keyringOf,
  inOrderOf,
  type NodeInputs,
  releaseOf,
  type SecretInput,
  secretOf,
  type ServiceAccountInput,
  serviceAccountOf,
  type ShownAuth,
  type Source,
} from './node-inputs.ts';
import {
  compareEvents,
  eventsByPod,
  group,
  groupTimed,
  repeatsInBackOff,
  sameEvent,
  type TimedEvent,
  type TranscriptEvent,
} from './scenario-events.ts';
import { compareStates, type TranscriptState } from './scenario-states.ts';
import { type RuntimeCall, type ScriptedImage, startScriptedRuntime } from './scripted-runtime.ts';
import { formsOf, type Shown } from './tolerance.ts';

interface TimedCall extends RuntimeCall {
  /** Milliseconds since the start of the run. */
  readonly t: number;
}

interface Admitted {
  readonly containers: readonly { readonly name: string; readonly imagePullPolicy: string }[];
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
  readonly volumes: readonly ImageVolumeLike[];
}

export interface ScenarioFile {
  readonly scenario: string;
  readonly source: Source;
  readonly inputs: {
    readonly node: NodeInputs;
    readonly secrets: readonly SecretInput[];
    readonly serviceAccount?: ServiceAccountInput;
    readonly pod: ManagedPodLike;
    readonly runtimeImages: Readonly<Record<string, ScriptedImage>>;
  };
  readonly admitted: Admitted;
  readonly calls: readonly TimedCall[];
  readonly events: readonly TranscriptEvent[];
  readonly statuses: Readonly<Record<string, readonly TranscriptState[]>>;
}

/** The RuntimeClass of the recorded cluster. */
const HANDLERS: Readonly<Record<string, string>> = { 'kp-class': 'kp-handler' };

const STAND_IN = 'in-memory stand-in';

export async function replayScenario(file: ScenarioFile): Promise<Replay> {
  const { inputs, scenario: namespace } = file;
  const untimed = file.calls.findIndex(({ t }) => !Number.isFinite(t));
  if (untimed >= 0) throw new Error(`calls[${untimed}] has no time`);
  checkCounts(file.events);
  const comparison = createComparison();
  const account = serviceAccountOf(inputs.serviceAccount, namespace);
  const pod = admit(comparison, file);
  const clock = createFakeClock();
  const cursor = createCursor(file.calls, clock);
  const runtime = await startScriptedRuntime(inputs.runtimeImages, {
    onCall: cursor.follow,
    sleep: (ms) => clock.advance(ms),
  });
  const images = createCriImageService({ endpoint: runtime.endpoint });
  try {
    const events: TimedEvent[] = [];
    const onEvent = (event: NotedEvent): void => void events.push({ ...event, t: clock.monotonic() });
    const manager = createImageManager({
      ...inputs.node.kubeletConfiguration,
      release: releaseOf(file.source),
      images,
      createHasher: nodeHasher,
      keyring: keyringOf(inputs.node, account, clock),
      clock,
      runtimeHandler: (name) => HANDLERS[name] ?? '',
      onEvent: ({ involvedObject: { fieldPath }, ...event }) => onEvent({ fieldPath, ...event }),
    });
    const secrets = inputs.secrets.map((secret, index) => secretOf(secret, namespace, `uid-${index + 1}`));
    const worker = createPodWorker({ manager, images, pod, secrets, clock, onEvent, inOrder: cursor.inOrder });
    const syncs = await drive(file, worker, { clock, cursor, events });
    compare(comparison, file, { calls: runtime.calls, events, worker, end: clock.monotonic(), ...syncs });
  } finally {
    await images.close();
    runtime.close();
  }
  return comparison;
}

/** A file has numbers and times of all its events, or of none. */
function checkCounts(events: readonly TranscriptEvent[]): void {
  for (const field of ['count', 'firstSecond', 'lastSecond'] as const) {
    const number = events.filter((event) => event[field] !== undefined).length;
    if (number !== 0 && number !== events.length) throw new Error(`some events have no ${field}`);
  }
}

/** The pod as it is stored. A stand-in for the API server did not do that part, so there the outcome is taken over. */
function admit(
  comparison: Comparison,
  { inputs, admitted, source, scenario: namespace }: ScenarioFile,
): ManagedPodLike {
  const { metadata, spec } = inputs.pod;
  const annotations = { ...metadata?.annotations, 'kubernetes.io/config.source': 'api' };
  const pod: ManagedPodLike = { metadata: { ...metadata, namespace, uid: 'pod', annotations }, spec };
  if (source.apiServer === STAND_IN) return takeOver(pod, admitted);
  const account = serviceAccountOf(inputs.serviceAccount, namespace);
  const admission = admitServiceAccount(defaultPodPullPolicies(pod).pod, account);
  comparison.equal('admitted', admitted, admission.allowed ? admittedOf(admission.pod) : admission.message);
  return admission.allowed ? admission.pod : pod;
}

function admittedOf({ spec }: ManagedPodLike): object {
  const secrets = spec?.imagePullSecrets ?? [];
  return {
    containers: (spec?.containers ?? []).map(({ name, imagePullPolicy }) => ({ name, imagePullPolicy })),
    ...(secrets.length === 0 ? {} : { imagePullSecrets: secrets }),
    volumes: (spec?.volumes ?? []).flatMap(({ image }) => (image === undefined ? [] : [image])),
  };
}

function takeOver(pod: ManagedPodLike, { containers, imagePullSecrets, volumes }: Admitted): ManagedPodLike {
  const { spec } = pod;
  const policies = new Map(containers.map(({ name, imagePullPolicy }) => [name, imagePullPolicy]));
  const images = volumes.values();
  return {
    ...pod,
    spec: {
      ...spec,
      containers: (spec?.containers ?? []).map((one) => ({ ...one, imagePullPolicy: policies.get(one.name ?? '') })),
      volumes: (spec?.volumes ?? []).map((one) =>
        one.image ? { ...one, image: images.next().value ?? one.image } : one,
      ),
      ...(imagePullSecrets === undefined ? {} : { imagePullSecrets }),
    },
  };
}

/** Where in a transcript's calls a replay is. Time moves with the calls. */
interface Cursor {
  readonly next: TimedCall | undefined;
  follow(call: RuntimeCall): Promise<void>;
  skip(): void;
  /** The secrets of a pod, with their entries in the order in which they are tried next for an image. */
  inOrder(secrets: readonly SecretLike[], image: string): readonly SecretLike[];
}

/** So far ahead a call is looked for when another is expected. */
const LOOK_AHEAD = 10;

function createCursor(calls: readonly TimedCall[], clock: FakeClock): Cursor {
  let at = 0;
  return {
    get next() {
      return calls[at];
    },
    async follow(call) {
      const ahead = calls.slice(at, at + LOOK_AHEAD);
      const found = ahead.findIndex((one) => sameQuestion(one, call));
      const expected = ahead[found];
      if (expected === undefined) return;
      at += found + 1;
      await clock.advance(Math.max(0, expected.t - clock.monotonic()));
    },
    skip() {
      at += 1;
    },
    inOrder(secrets, image) {
      const ofImage = calls.slice(at).filter((one) => one.image.image.startsWith(image));
      const first = ofImage.findIndex(({ call }) => call === 'PullImage');
      const rest = first < 0 ? [] : ofImage.slice(first);
      const end = rest.findIndex(({ call }) => call !== 'PullImage');
      const auths = rest.slice(0, end < 0 ? undefined : end).map(({ auth }) => (auth ?? {}) as ShownAuth);
      return secrets.map((secret) => inOrderOf(secret, auths));
    },
  };
}

/** More syncs than any transcript has. */
const MAX_SYNCS = 200;
const SYNC_MS = 10_000;

interface Syncs {
  /** So many events came before the last sync. */
  readonly settled: number;
  /** Whether there were syncs without a call. */
  readonly hasSilentSyncs: boolean;
}

/** Syncs the pod whenever kubelet did so: at each first call of a round, and where an event has no call beside it. */
async function drive(
  file: ScenarioFile,
  worker: PodWorker,
  { clock, cursor, events }: { readonly clock: FakeClock; readonly cursor: Cursor; readonly events: TimedEvent[] },
): Promise<Syncs> {
  const wanted = group(eventsByPod(file.events).at(-1) ?? []);
  const shown = shownIn(file);
  const begin = file.calls[0]?.t ?? 0;
  const isMissing = (event: (typeof wanted)[number]): boolean => {
    const found = groupTimed(events).find((one) => sameEvent(event, one, shown));
    return found === undefined || (!repeatsInBackOff(event) && (found.count ?? 1) < (event.count ?? 1));
  };
  let [settled, hasSilentSyncs] = [0, false];
  for (let syncs = 0; syncs < MAX_SYNCS; syncs += 1) {
    const { next } = cursor;
    const silent = wanted.find(
      (event) =>
        (next === undefined || (event.reason === 'BackOff' && begin + event.firstSecond * 1000 < next.t - 1000)) &&
        isMissing(event),
    );
    if (next === undefined && (silent === undefined || syncs > file.calls.length + EXTRA_SYNCS)) break;
    const quietly = silent === undefined ? undefined : begin + (silent.firstSecond + 1) * 1000 - 1;
    const now = clock.monotonic();
    const at = next === undefined ? Math.max(now + SYNC_MS, quietly ?? 0) : Math.min(next.t, quietly ?? next.t);
    await clock.advance(Math.max(0, at - now));
    const before = events.length;
    await worker.sync();
    settled = syncs === 0 ? events.length : before;
    const isStuck = cursor.next === next && (quietly === undefined || events.length === before);
    if (isStuck && next !== undefined) cursor.skip();
    hasSilentSyncs ||= cursor.next === next;
  }
  return { settled, hasSilentSyncs };
}

const EXTRA_SYNCS = 40;

function compare(
  comparison: Comparison,
  file: ScenarioFile,
  got: {
    readonly calls: readonly RuntimeCall[];
    readonly events: readonly TimedEvent[];
    readonly settled: number;
    readonly hasSilentSyncs: boolean;
    readonly worker: PodWorker;
    readonly end: number;
  },
): void {
  const shown = shownIn(file);
  comparison.list('call', file.calls, got.calls.filter(isNoted(file)), sameCall);
  const { states } = got.worker;
  const running = [...states.values()].filter((list) => list.some((state) => state.running === true)).length;
  const context = { shown, settled: got.settled, started: running, hasSilentSyncs: got.hasSilentSyncs };
  compareEvents(comparison, 'event', file.events, got.events, context);
  comparison.equal(
    'order of time',
    file.calls,
    file.calls.toSorted((a, b) => a.t - b.t),
  );
  for (const name of new Set([...Object.keys(file.statuses), ...states.keys()])) {
    const [want, ours] = [file.statuses[name] ?? [], states.get(name) ?? []];
    compareStates(comparison, name, { want, got: ours, end: got.end }, shown);
  }
}

/** Left open: calls that belong to the creation of a container, and those for an image that only kubelet knows of. */
function isNoted({ calls, inputs }: ScenarioFile): (call: RuntimeCall) => boolean {
  const known = new Set([...Object.keys(inputs.runtimeImages), ...calls.map((call) => call.image.image)]);
  return ({ image }) => image.annotations !== undefined && known.has(image.image);
}

function sameQuestion(want: RuntimeCall, got: RuntimeCall): boolean {
  return canonical({ ...want, t: undefined, result: undefined }) === canonical({ ...got, result: undefined });
}

function sameCall(want: RuntimeCall, got: RuntimeCall): boolean {
  return canonical({ ...want, t: undefined }) === canonical(got);
}

/** All credentials that the runtime was shown. */
function shownIn({ calls }: ScenarioFile): Shown {
  return calls.flatMap(({ auth }) => {
    const { username = '', password = '' } = (auth ?? {}) as { readonly username?: string; readonly password?: string };
    return password === '' ? [] : formsOf(username, password);
  });
}
