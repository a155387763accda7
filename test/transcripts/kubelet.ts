// The part of kubelet around its image manager: what it asks for at each sync of a pod, and what it shows of the answer.
import type { Clock } from 'kubepull/clock';
import type { EnsureImageResult, ImageManager, ManagedPodLike } from 'kubepull/image-manager';
import type { ImageService } from 'kubepull/image-service';
import { type SecretLike, selectPullSecrets } from 'kubepull/pull-secrets';
import { applyDefaultTag } from 'kubepull/reference';

/** An event as transcripts note it. */
export interface NotedEvent {
  readonly fieldPath?: string | undefined;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

/** What a container shows: the fields of a transcript's `statuses`. */
export interface ContainerState {
  readonly waiting?: string;
  readonly message?: string;
  readonly running?: true;
  readonly imageID?: string;
}

/** A state, and since when it is shown. */
export interface TimedState extends ContainerState {
  readonly t: number;
}

interface ContainerSpec {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly restartPolicy?: string;
}

/** Looks after one pod. */
export interface PodWorker {
  sync(): Promise<void>;
  /** The states of each container, each once for as long as it is shown. */
  readonly states: ReadonlyMap<string, readonly TimedState[]>;
}

export interface PodWorkerOptions {
  readonly manager: ImageManager;
  readonly images: Pick<ImageService, 'imageStatus'>;
  readonly pod: ManagedPodLike;
  readonly secrets: readonly SecretLike[];
  /** Puts the entries of secrets into the order in which kubelet tried those that are alike. */
  readonly inOrder?: (secrets: readonly SecretLike[], image: string) => readonly SecretLike[];
  readonly clock: Clock;
  readonly onEvent: (event: NotedEvent) => void;
}

/** A scripted container with this command has done its work at once. */
const EXITS = 'exit-now';

export function createPodWorker(options: PodWorkerOptions): PodWorker {
  const { manager, pod, secrets, clock, onEvent, inOrder = (given) => given } = options;
  const states = new Map<string, TimedState[]>();
  const running = new Set<string>();

  const show = (name: string, state: ContainerState): void => {
    const shown = states.get(name) ?? [];
    const last = shown.at(-1);
    states.set(name, shown);
    if (last?.waiting === state.waiting && last?.message === state.message && last?.running === state.running) return;
    shown.push({ t: clock.monotonic(), ...state });
  };
  const start = async (container: ContainerSpec, kind: string, result: EnsureImageResult): Promise<void> => {
    const { name } = container;
    if (result.status === 'waiting' || result.status === 'error')
      return show(name, { waiting: result.reason, message: result.message });
    const fault = await createContainer(options, container.image ?? '');
    if (fault === undefined) {
      running.add(name);
      return show(name, { running: true, imageID: result.imageRef });
    }
    onEvent({ fieldPath: `spec.${kind}{${name}}`, type: 'Warning', reason: 'Failed', message: `Error: ${fault}` });
    show(name, { waiting: 'CreateContainerConfigError', message: fault });
  };

  return {
    states,
    async sync() {
      const due = dueContainers(pod, running);
      const { found, event } = selectPullSecrets(pod, secrets);
      if (event !== undefined) onEvent(event);
      const volumes = await manager.ensureImageVolumes({ pod, pullSecrets: found });
      for (const [kind, container] of due) {
        const pullSecrets = inOrder(found, container.image ?? '');
        const request = { pod, container: container.name, pullSecrets, volumes };
        await start(container, kind, await manager.ensureContainerImage(request));
      }
    },
  };
}

/** Of init containers the first that has not ended; the others only after all of them. */
function dueContainers({ spec }: ManagedPodLike, running: ReadonlySet<string>): (readonly [string, ContainerSpec])[] {
  const notRunning = (kind: 'ephemeralContainers' | 'containers'): (readonly [string, ContainerSpec])[] =>
    listOf(spec?.[kind]).flatMap((one) => (running.has(one.name) ? [] : [[kind, one] as const]));
  const init = listOf(spec?.initContainers).find(
    (one) => !running.has(one.name) || !(one.command?.includes(EXITS) === true || one.restartPolicy === 'Always'),
  );
  if (init === undefined) return [...notRunning('ephemeralContainers'), ...notRunning('containers')];
  const due = running.has(init.name) ? [] : [['initContainers', init] as const];
  return [...notRunning('ephemeralContainers'), ...due];
}

function listOf(list: readonly object[] | undefined): readonly ContainerSpec[] {
  return (list ?? []) as readonly ContainerSpec[];
}

/** Kubelet asks once more for the image when it makes the container; what goes wrong with that is shown. */
async function createContainer({ images }: PodWorkerOptions, image: string): Promise<string | undefined> {
  const spec = { image: applyDefaultTag(image), annotations: {}, runtimeHandler: '' };
  const found = await images.imageStatus(spec);
  return found?.size === 0 ? `Id or size of image "${spec.image}" is not set` : undefined;
}
