import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { checkExplainOptions, explainUser, findUsers, type FoundUser } from '../explain/inner.js';
import type { ImageUserKind, MetadataLike, PodLike, WorkloadLike, WorkloadListLike } from '../kubernetes/index.js';
import { serviceAccountKind, serviceAccountNameOf } from '../kubernetes/inner.js';
import { type SecretLike, selectPullSecrets, type ServiceAccountLike } from '../pull-secrets/index.js';
import { explainFailure, type FailureExplanation, isPullReason } from './explain-failure.js';
import type {
  ContainerExplanation,
  ContainerStatusLike,
  ExplainPodOptions,
  PodEventLike,
  PodWithStatusLike,
} from './pod-types.js';

/**
 * Explains every image of a pod: what kubelet decides about it, as `explainPull` does for one, and what the node says of it in the
 * status and the events of the pod.
 *
 * A failed pull of an image volume shows at the container that mounts it; it is told at the volume. Containers wait with
 * `PodInitializing` while an init container cannot be pulled: the failure is at the init container.
 *
 * @param object - a pod, a workload, a List of them, or the documents of a file as a list. Of several objects those that hold no
 * pod are left out
 * @param options - secrets, service accounts, events, and what the nodes have
 * @returns the images, pod by pod: init containers, containers, ephemeral containers, then image volumes
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when there is no pod in the object, or an option is of the wrong kind
 * @example
 * ```ts
 * import { explainPod, formatPodExplanation } from 'kubepull/failures';
 *
 * const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image "busybox:1": ErrImagePull: … not found' };
 * const web = {
 *   spec: { initContainers: [{ name: 'init', image: 'busybox:1' }] },
 *   status: { initContainerStatuses: [{ name: 'init', state: { waiting } }] },
 * };
 * console.log(formatPodExplanation(explainPod(web)));
 * ```
 * @public
 */
export function explainPod(
  object: PodWithStatusLike | WorkloadLike | WorkloadListLike | readonly unknown[],
  options: ExplainPodOptions = {},
): readonly ContainerExplanation[] {
  checkOptions(options);
  const pods = groupBy(findUsers(object, 'Cannot explain a pod'), ({ pod }) => pod);
  const secrets = [...(options.secrets ?? [])];
  // Each is checked once, here: a pod is given those that it names.
  selectPullSecrets({}, secrets);
  const around: Around = {
    nodeConfig: options.nodeConfig,
    nodeLookup: options.nodeLookup,
    present: options.present,
    secrets: groupBy(secrets, ({ metadata }) => metadata?.name ?? ''),
    events: groupBy(options.events ?? [], ({ involvedObject, regarding }) => nameOf(involvedObject ?? regarding)),
    accounts: new Map(Array.from(options.serviceAccounts ?? [], (account) => [nameOf(account.metadata), account])),
  };
  return [...pods].flatMap(([pod, users]) => explainOne(pod, users, around));
}

interface Around extends Pick<ExplainPodOptions, 'nodeConfig' | 'nodeLookup' | 'present'> {
  /** By their names. */
  readonly secrets: ReadonlyMap<string, readonly SecretLike[]>;
  /** By namespace and name of what they are about. */
  readonly events: ReadonlyMap<string, readonly PodEventLike[]>;
  readonly accounts: ReadonlyMap<string, ServiceAccountLike>;
}

const text = /* @__PURE__ */ is.nullable(is.text);
const eventObjectKind = /* @__PURE__ */ is.nullable(
  /* @__PURE__ */ is.shape({ namespace: text, name: text, uid: text, fieldPath: text }),
);
const eventKind = /* @__PURE__ */ is.shape(
  { reason: text, message: text, note: text, involvedObject: eventObjectKind, regarding: eventObjectKind },
  'an event',
);
const statusesKind = /* @__PURE__ */ is.nullable(
  /* @__PURE__ */ is.listOf(
    /* @__PURE__ */ is.shape({
      name: text,
      imageID: text,
      state: /* @__PURE__ */ is.nullable(
        /* @__PURE__ */ is.shape({
          waiting: /* @__PURE__ */ is.nullable(/* @__PURE__ */ is.shape({ reason: text, message: text })),
          running: /* @__PURE__ */ is.nullable(is.object),
          terminated: /* @__PURE__ */ is.nullable(is.object),
        }),
      ),
    }),
  ),
);
const statusKind = /* @__PURE__ */ is.nullable(
  /* @__PURE__ */ is.shape({
    initContainerStatuses: statusesKind,
    containerStatuses: statusesKind,
    ephemeralContainerStatuses: statusesKind,
  }),
);

/** Secrets and entries are checked by those who read them. */
function checkOptions(options: ExplainPodOptions): void {
  const action = 'Cannot explain a pod';
  check<ExplainPodOptions>(action, options, {
    secrets: is.optional(is.iterable),
    serviceAccounts: is.optional(is.iterable),
    nodeConfig: is.anything,
    nodeLookup: is.optional(is.callable),
    events: is.optional(is.iterable),
    present: is.optional(is.callable),
  });
  const [serviceAccounts, events] = [[...(options.serviceAccounts ?? [])], [...(options.events ?? [])]];
  check(
    action,
    { serviceAccounts, events },
    { serviceAccounts: is.listOf(serviceAccountKind), events: is.listOf(eventKind) },
  );
}

function explainOne(pod: PodLike, users: readonly FoundUser[], around: Around): readonly ContainerExplanation[] {
  const { status } = pod as PodWithStatusLike;
  check('Cannot explain a pod', { status }, { status: statusKind });
  const states = new Map(
    LISTS.flatMap(({ kind, list }) => (status?.[list] ?? []).map((one) => [`${kind} ${one.name}`, one])),
  );
  const ofPod = (around.events.get(nameOf(pod.metadata)) ?? []).filter((event) => isAbout(event, pod));
  const images = users.map(({ policy, specAt }): ContainerExplanation => {
    // What has a uid was admitted, and has the secrets of its service account.
    const isAdmitted = specAt === 'spec' && Boolean(pod.metadata?.uid);
    const { nodeConfig, accounts } = around;
    const serviceAccount = isAdmitted ? undefined : accounts.get(accountOf(pod));
    const named = [...(pod.spec?.imagePullSecrets ?? []), ...(serviceAccount?.imagePullSecrets ?? [])];
    const secrets = [...new Set(named.map((one) => one?.name ?? ''))].flatMap((name) => around.secrets.get(name) ?? []);
    const present = around.present?.(policy.image);
    const nodeLookup = around.nodeLookup?.(policy.image);
    checkExplainOptions({ nodeLookup, present });
    const one = states.get(`${policy.kind} ${policy.container}`);
    return {
      namespace: pod.metadata?.namespace || 'default',
      pod: pod.metadata?.name || pod.metadata?.generateName || '',
      pull: explainUser(pod, policy, { secrets, serviceAccount, nodeConfig, nodeLookup, present }),
      state: stateOf(one),
      reason: one?.state?.waiting?.reason ?? undefined,
      failure: failureOf(one, eventTexts(ofPod, policy.kind, policy.container)),
    };
  });
  return images.map((image) => moveToVolume(image, images, ofPod));
}

const LISTS = [
  { kind: 'init', list: 'initContainerStatuses', field: 'initContainers' },
  { kind: 'regular', list: 'containerStatuses', field: 'containers' },
  { kind: 'ephemeral', list: 'ephemeralContainerStatuses', field: 'ephemeralContainers' },
] as const;

function nameOf(metadata: Pick<MetadataLike, 'namespace' | 'name'> | null | undefined): string {
  return `${metadata?.namespace || 'default'}/${metadata?.name ?? ''}`;
}

function accountOf({ metadata, spec }: PodLike): string {
  return `${metadata?.namespace || 'default'}/${serviceAccountNameOf(spec) || 'default'}`;
}

function stateOf(status: ContainerStatusLike | undefined): ContainerExplanation['state'] {
  const { waiting, running, terminated } = status?.state ?? {};
  if (waiting) return 'waiting';
  if (running) return 'running';
  return terminated ? 'terminated' : undefined;
}

/** A pod of the same name that was there before has another uid. */
function isAbout({ involvedObject, regarding }: PodEventLike, { metadata }: PodLike): boolean {
  const uid = (involvedObject ?? regarding)?.uid;
  return Boolean(metadata?.name) && (!uid || !metadata?.uid || uid === metadata.uid);
}

function groupBy<K, T>(items: Iterable<T>, keyOf: (item: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

function eventTexts(events: readonly PodEventLike[], kind: ImageUserKind, name: string): readonly string[] {
  const field = LISTS.find((one) => one.kind === kind)?.field;
  const path = field === undefined ? '' : `spec.${field}{${name}}`;
  return events
    .filter(({ involvedObject, regarding }) => ((involvedObject ?? regarding)?.fieldPath ?? '') === path)
    .map(({ message, note }) => message ?? note ?? '');
}

/** What the status says, or where that is only that kubelet waits, what an event says. */
function failureOf(status: ContainerStatusLike | undefined, events: readonly string[]): FailureExplanation | undefined {
  const { reason, message } = status?.state?.waiting ?? {};
  const said = reason ?? '';
  const own = explainFailure(message && message !== said ? `${said}: ${message}` : said);
  const isPull = isPullReason(said) || own.cause === 'secret-malformed';
  if (isPull && !isVague(own)) return own;
  if (!isPull && status?.state !== undefined) return undefined;
  const told = lastOf(events);
  if (told === undefined) return isPull ? own : undefined;
  return isPull ? { ...told, reason: own.reason } : told;
}

/** The last event that tells a cause. */
function lastOf(events: readonly string[]): FailureExplanation | undefined {
  for (const event of events.toReversed()) {
    const told = explainFailure(event);
    if (told.reason !== undefined && !isVague(told)) return told;
  }
  return undefined;
}

function isVague({ cause }: FailureExplanation): boolean {
  return cause === 'back-off' || cause === 'unknown' || cause === 'secret-missing';
}

/** The failure of an image volume shows at a container; its text names the image. */
function moveToVolume(
  image: ContainerExplanation,
  images: readonly ContainerExplanation[],
  events: readonly PodEventLike[],
): ContainerExplanation {
  const { kind, image: own } = image.pull.policy;
  const isVolume = (one: ContainerExplanation): boolean => one.pull.policy.kind === 'volume';
  if (kind === 'volume') {
    const shown = images.find((one) => !isVolume(one) && one.failure?.image === own && one.pull.policy.image !== own);
    const failure =
      shown?.failure ??
      failureOf(
        undefined,
        eventTexts(events, 'volume', '').filter((event) => explainFailure(event).image === own),
      );
    return { ...image, failure };
  }
  const named = image.failure?.image;
  const isOther =
    named !== undefined && named !== own && images.some((one) => isVolume(one) && one.pull.policy.image === named);
  return isOther ? { ...image, failure: undefined } : image;
}
