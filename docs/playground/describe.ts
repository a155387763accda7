// What `kubectl describe pod` would show: the image manager runs against a runtime that says what the visitor pasted.
import { createMemoryRecords, type ImagePulledRecord } from 'kubepull/image-access';
import { createImageManager, type EnsureImageResult, type ImageManager } from 'kubepull/image-manager';
import type { RuntimeImage } from 'kubepull/image-service';
import type { Clock } from 'kubepull/clock';
import type { CreateHasher } from 'kubepull/digest';
import type { DockerConfigEntry } from 'kubepull/docker-config';
import { createKeyring } from 'kubepull/keyring';
import type { KubernetesRelease, PodLike } from 'kubepull/kubernetes';
import type { ContainerPullPolicy } from 'kubepull/pull-policy';
import { type SecretLike, selectPullSecrets } from 'kubepull/pull-secrets';

/** An event, as `kubectl describe` shows it. */
export interface ShownEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** What the container shows under `State: Waiting`. */
export interface ShownState {
  readonly reason: string;
  readonly message: string;
}

/** Events and states in their order. */
export interface Description {
  readonly events: readonly ShownEvent[];
  readonly states: readonly ShownState[];
  /** Whether it ends at the pull, because nothing was said of how that ended. */
  readonly isOpen: boolean;
}

/** A container or image volume, and what surrounds it. */
export interface Described {
  /** As the API server stores it. */
  readonly pod: PodLike;
  readonly policy: ContainerPullPolicy;
  readonly secrets: readonly SecretLike[];
  readonly entries: readonly DockerConfigEntry[];
  readonly present: { readonly imageRef: string; readonly record: ImagePulledRecord | undefined } | undefined;
  readonly release: KubernetesRelease;
  readonly createHasher: CreateHasher;
  /** What the runtime says of every pull; `undefined` when that is not known. */
  readonly errorText: string | undefined;
}

/** Kubelet refuses an image without a size; how large it is shows nowhere. */
const SOME_SIZE = 1;

/** Looks after the container twice, the second time while kubelet waits after a failed pull. */
export async function describeContainer(described: Described): Promise<Description> {
  const { pod, secrets, release, errorText } = described;
  const { found, event, eventWhen } = selectPullSecrets(pod, secrets, { release });
  const events: ShownEvent[] = [];
  const { manager, clock } = createNode(described, (shown) => void events.push(shown));
  if (event !== undefined && eventWhen === 'every-sync') events.push(event);
  const first = await ensure(manager, described, found);
  if (event !== undefined && eventWhen === 'failed-pull' && hasPulled(events) && isWaiting(first)) events.push(event);
  const results = [first];
  if (first.status === 'waiting' && first.retryAfterMs > 0) {
    await clock.sleep(first.retryAfterMs / 2);
    results.push(await ensure(manager, described, found));
  }
  const isOpen = first.status === 'pulled' && errorText === undefined;
  return {
    events: events.filter(({ reason }) => !isOpen || reason !== 'Pulled'),
    states: results.flatMap((result) =>
      isWaiting(result) ? [{ reason: result.reason, message: result.message }] : [],
    ),
    isOpen,
  };
}

function isWaiting(result: EnsureImageResult): result is Extract<EnsureImageResult, { readonly reason: string }> {
  return result.status === 'waiting' || result.status === 'error';
}

function hasPulled(events: readonly ShownEvent[]): boolean {
  return events.some(({ reason }) => reason === 'Pulling');
}

interface SimulatedNode {
  readonly manager: ImageManager;
  readonly clock: Clock;
}

function createNode(
  { policy: { image }, entries, present, release, createHasher, errorText }: Described,
  onEvent: (event: ShownEvent) => void,
): SimulatedNode {
  let now = 0;
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: async (ms) => void (now += ms),
  };
  const runtimeImage: RuntimeImage = {
    id: present?.imageRef ?? PULLED_REF,
    repoTags: [image],
    repoDigests: [],
    size: SOME_SIZE,
    pinned: false,
    runtimeHandler: '',
  };
  const manager = createImageManager({
    release,
    clock,
    createHasher,
    keyring: createKeyring(entries),
    records: createMemoryRecords(present?.record === undefined ? {} : { records: [present.record] }),
    images: {
      imageStatus: async () => (present === undefined ? undefined : runtimeImage),
      pullImage: async () => {
        if (errorText !== undefined) throw new Error(errorText);
        return runtimeImage.id;
      },
      listImages: async () => [],
      removeImage: async () => undefined,
      imageFsInfo: async () => [],
    },
    onEvent: ({ type, reason, message }) => onEvent({ type, reason, message }),
  });
  return { manager, clock };
}

async function ensure(
  manager: ImageManager,
  { pod, policy }: Described,
  pullSecrets: readonly SecretLike[],
): Promise<EnsureImageResult> {
  const { name = 'pod', namespace = 'default', uid = 'pod' } = pod.metadata ?? {};
  const identified = { ...pod, metadata: { ...pod.metadata, name, namespace, uid } };
  const { container, kind, image, policy: pullPolicy } = policy;
  if (kind === 'volume') return manager.ensureImageExists({ pod: identified, image, pullPolicy, pullSecrets });
  // Its image volumes are looked at by themselves.
  const spec = { ...pod.spec, ...withoutMounts(pod) };
  return manager.ensureContainerImage({ pod: { ...identified, spec }, container, pullSecrets });
}

const LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

function withoutMounts({ spec }: PodLike): Partial<NonNullable<PodLike['spec']>> {
  return Object.fromEntries(
    LISTS.map((list) => [list, spec?.[list]?.map((one) => ({ ...one, volumeMounts: undefined }))]),
  );
}

/** The runtime's name of an image that is there, or that a pull has brought. */
export const PULLED_REF = `sha256:${'0'.repeat(64)}`;
