import { randomBytes } from 'node:crypto';
import { type CoreV1Api, PatchStrategy, setHeaderOptions, type V1Pod } from '@kubernetes/client-node';
import type { Clock } from 'kubepull/clock';
import type { InvolvedObject } from 'kubepull/image-manager';
import { describeError, statusOf } from './kube-api.js';

/** What happened to which part of a pod. The events of an image manager are of this form. */
export interface PodEvent {
  readonly involvedObject: InvolvedObject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export type RecordEvent = (event: PodEvent) => void;

export interface EventRecorder {
  /** Publishes an event, some time soon, after those before it. What happens again is counted, not published again. */
  readonly record: RecordEvent;
  /** Counts anew what happens to a pod. */
  readonly forget: (uid: string) => void;
  /** Resolves when all that was recorded is published. */
  flush(): Promise<void>;
}

export interface EventRecorderOptions {
  readonly component: string;
  readonly host: string;
  readonly clock: Clock;
  readonly print: (line: string) => void;
  readonly warn: (line: string) => void;
}

/** What the API server has of an event that may happen again. */
interface Published {
  readonly name: string;
  readonly count: number;
  readonly firstTimestamp: Date;
}

/** As kubelet sends it; the client would send a JSON patch. */
const AS_MERGE_PATCH = setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch);

/** Publishes one event after the other, as kubelet does. What cannot be published is given up. */
export function createEventRecorder(core: CoreV1Api, options: EventRecorderOptions): EventRecorder {
  const { clock, print, warn } = options;
  const published = new Map<string, Published>();
  let queue = Promise.resolve();
  const enqueue = (task: () => Promise<void>): void => {
    queue = queue.then(task).catch((error: unknown) => warn(`Cannot publish an event: ${describeError(error)}`));
  };

  const publish = async (event: PodEvent, at: Date): Promise<void> => {
    const key = keyOf(event);
    const before = published.get(key) ?? { name: nameEvent(event, at), count: 0, firstTimestamp: at };
    const now = { ...before, count: before.count + 1 };
    const body = { ...describe(event, now, at), ...reporter(options) };
    if (now.count === 1 || !(await patch(core, body))) {
      await core.createNamespacedEvent({ namespace: event.involvedObject.namespace, body });
    }
    published.set(key, now);
  };

  return {
    record(event) {
      print(lineOf(event));
      const at = new Date(clock.now());
      enqueue(() => publish(event, at));
    },
    forget(uid) {
      enqueue(async () => {
        for (const key of published.keys()) if (key.startsWith(`${uid} `)) published.delete(key);
      });
    },
    flush: () => queue,
  };
}

/** Counts an event that is there. `false` when it is not: the API server forgets events after an hour. */
async function patch(core: CoreV1Api, { metadata, count, lastTimestamp }: EventBody): Promise<boolean> {
  const { name, namespace } = metadata;
  try {
    await core.patchNamespacedEvent({ name, namespace, body: { count, lastTimestamp } }, AS_MERGE_PATCH);
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

/** The pod itself, for events that are of no container. */
export function aboutPod({ metadata }: V1Pod): InvolvedObject {
  const { namespace = 'default', name = '', uid = '' } = metadata ?? {};
  return { apiVersion: 'v1', kind: 'Pod', namespace, name, uid, fieldPath: undefined };
}

type EventBody = ReturnType<typeof describe>;

function describe(event: PodEvent, { name, count, firstTimestamp }: Published, lastTimestamp: Date) {
  const { type, reason, message } = event;
  const { fieldPath, ...pod } = event.involvedObject;
  const involvedObject = fieldPath === undefined ? pod : { ...pod, fieldPath };
  const metadata = { name, namespace: pod.namespace };
  return { metadata, involvedObject, type, reason, message, count, firstTimestamp, lastTimestamp };
}

function reporter({ component, host }: EventRecorderOptions) {
  return { source: { component, host }, reportingComponent: component, reportingInstance: host };
}

/** Events with the same key are the same event, which happened again. */
function keyOf({ involvedObject, type, reason, message }: PodEvent): string {
  const { uid, fieldPath } = involvedObject;
  return `${uid} ${JSON.stringify([fieldPath, type, reason, message])}`;
}

/** The pod and the time, as kubelet names events, which has a finer clock. */
function nameEvent({ involvedObject }: PodEvent, at: Date): string {
  const prefix = involvedObject.name.slice(0, 230).replace(/[-.]+$/u, '');
  return `${prefix}.${at.getTime().toString(16)}${randomBytes(3).toString('hex')}`;
}

function lineOf({ involvedObject, type, reason, message }: PodEvent): string {
  const { namespace, name, fieldPath } = involvedObject;
  return `${namespace}/${name} ${fieldPath === undefined ? '' : `${fieldPath} `}${type} ${reason}: ${message}`;
}
