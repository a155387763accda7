import { type CoreV1Api, type KubeConfig, type V1Pod, type V1Status, Watch } from '@kubernetes/client-node';
import { createBackoffTracker } from 'kubepull/backoff';
import type { Clock } from 'kubepull/clock';
import { describeError, statusOf } from './kube-api.js';

/** After so long the server ends a watch, */
const WATCH_SECONDS = 300;
/** and after so long we do: its connection has died unseen. */
const WATCH_LIMIT_MS = 330_000;

export interface PodSource {
  readonly core: CoreV1Api;
  readonly kubeConfig: KubeConfig;
  readonly node: string;
  readonly namespace: string | undefined;
  readonly clock: Clock;
  readonly warn: (line: string) => void;
}

export interface PodHandlers {
  /** These are all the pods that there are. */
  listed(pods: readonly V1Pod[]): void;
  /** Is new, or another than before. */
  changed(pod: V1Pod): void;
  deleted(pod: V1Pod): void;
}

/** What the object of an `ERROR` has, where a pod has none of it. */
type WatchStatus = Pick<V1Status, 'code' | 'message'>;

/** How far we have read; without a version all pods have to be listed anew. */
interface Cursor {
  version: string | undefined;
}

/** Follows the pods of a node: a list, then a watch from there, again and again, until the signal aborts. */
export async function watchPods(source: PodSource, handlers: PodHandlers, signal: AbortSignal): Promise<void> {
  const pauses = createBackoffTracker({ clock: source.clock, initialMs: 1_000, maxMs: 30_000 });
  const cursor: Cursor = { version: undefined };
  while (!signal.aborted) {
    try {
      if (cursor.version === undefined) await list(source, handlers, cursor);
      await follow(source, handlers, cursor, signal);
    } catch (error) {
      // A server that refuses our version has most often forgotten what came after it. A broken connection says nothing.
      const status = statusOf(error);
      if (status !== undefined) cursor.version = undefined;
      if (status !== 410) source.warn(`Cannot watch pods: ${describeError(error)}`);
    }
    const { delayMs } = pauses.next('watch');
    await source.clock.sleep(delayMs, { signal }).catch(() => undefined);
  }
}

async function list({ core, node, namespace }: PodSource, handlers: PodHandlers, cursor: Cursor): Promise<void> {
  const fieldSelector = `spec.nodeName=${node}`;
  const { items, metadata } = await (namespace === undefined
    ? core.listPodForAllNamespaces({ fieldSelector })
    : core.listNamespacedPod({ namespace, fieldSelector }));
  handlers.listed(items);
  cursor.version = metadata?.resourceVersion;
}

/** One watch. It resolves when the server or the signal ends it, and rejects when something goes wrong. */
function follow(source: PodSource, handlers: PodHandlers, cursor: Cursor, signal: AbortSignal): Promise<void> {
  const { kubeConfig, node, namespace } = source;
  const path = namespace === undefined ? '/api/v1/pods' : `/api/v1/namespaces/${namespace}/pods`;
  const query = {
    fieldSelector: `spec.nodeName=${node}`,
    resourceVersion: cursor.version,
    allowWatchBookmarks: true,
    timeoutSeconds: WATCH_SECONDS,
  };
  return new Promise<void>((resolve, reject) => {
    const onEvent = (type: string, object: V1Pod & WatchStatus): void => {
      if (type === 'ERROR') {
        end(watchError(object));
        return;
      }
      if (type === 'ADDED' || type === 'MODIFIED') handlers.changed(object);
      if (type === 'DELETED') handlers.deleted(object);
      cursor.version = object.metadata?.resourceVersion;
    };
    // The client has ended, or we have: the first one counts.
    const end = (failure?: unknown): void => {
      clearTimeout(limit);
      signal.removeEventListener('abort', onAbort);
      if (failure) reject(failure);
      else resolve();
      request.then((running) => running.abort()).catch(() => undefined);
    };
    const onAbort = (): void => end();
    const limit = setTimeout(end, WATCH_LIMIT_MS);
    const request = new Watch(kubeConfig).watch(path, query, onEvent, end);
    request.catch(end);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) end();
  });
}

function watchError({ code, message }: WatchStatus): Error {
  return Object.assign(new Error(message), { statusCode: code });
}
