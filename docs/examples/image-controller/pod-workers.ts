import type { V1Pod } from '@kubernetes/client-node';
import type { Clock } from 'kubepull/clock';
import { describeError } from './kube-api.js';
import type { PodHandlers } from './watch-pods.js';

const RETRY_MS = 10_000;

export interface PodWorkersOptions {
  /** Does what a pod needs now, and tells in how many milliseconds it wants to be called again. */
  readonly sync: (pod: V1Pod, ready: Set<string>, signal: AbortSignal) => Promise<number>;
  readonly onForgotten: (uid: string) => void;
  readonly clock: Clock;
  readonly warn: (line: string) => void;
}

export interface PodWorkers extends PodHandlers {
  /** Ends all work; nothing is under way when it resolves. */
  stop(): Promise<void>;
}

interface Worker {
  pod: V1Pod;
  /** The containers whose images are there. */
  readonly ready: Set<string>;
  /** Aborted when the pod is forgotten. */
  readonly life: AbortController;
  /** Aborted when there is something to do. */
  nap: AbortController;
}

/** One worker for each pod, as in kubelet: the steps of a pod come one after the other, those of different pods do not. */
export function createPodWorkers(options: PodWorkersOptions): PodWorkers {
  const workers = new Map<string, Worker>();
  const running = new Set<Promise<void>>();

  const start = (uid: string, pod: V1Pod): void => {
    const worker = { pod, ready: new Set<string>(), life: new AbortController(), nap: new AbortController() };
    workers.set(uid, worker);
    const run = work(worker, options).finally(() => {
      running.delete(run);
      options.onForgotten(uid);
    });
    running.add(run);
  };
  const forget = (uid: string): void => {
    const worker = workers.get(uid);
    workers.delete(uid);
    worker?.life.abort(new Error('The pod is gone'));
    worker?.nap.abort();
  };
  const changed = (pod: V1Pod): void => {
    const uid = uidOf(pod);
    const worker = workers.get(uid);
    if (hasEnded(pod)) forget(uid);
    else if (worker === undefined) start(uid, pod);
    else if (worker.pod.metadata?.resourceVersion !== pod.metadata?.resourceVersion) {
      worker.pod = pod;
      worker.nap.abort();
    }
  };

  return {
    changed,
    deleted: (pod) => forget(uidOf(pod)),
    listed(pods) {
      const there = new Set(pods.map(uidOf));
      for (const uid of workers.keys()) if (!there.has(uid)) forget(uid);
      for (const pod of pods) changed(pod);
    },
    async stop() {
      for (const uid of workers.keys()) forget(uid);
      await Promise.all(running);
    },
  };
}

async function work(worker: Worker, { sync, clock, warn }: PodWorkersOptions): Promise<void> {
  const { life, ready } = worker;
  while (!life.signal.aborted) {
    // A change during the sync aborts this one, and the worker does not sleep at all.
    worker.nap = new AbortController();
    let pauseMs = RETRY_MS;
    try {
      pauseMs = await sync(worker.pod, ready, life.signal);
    } catch (error) {
      if (life.signal.aborted) return;
      warn(`Cannot sync pod ${worker.pod.metadata?.namespace}/${worker.pod.metadata?.name}: ${describeError(error)}`);
    }
    await clock.sleep(pauseMs, { signal: worker.nap.signal }).catch(() => undefined);
  }
}

/** A name may come back with another pod; the UID does not. */
function uidOf({ metadata }: V1Pod): string {
  return metadata?.uid ?? '';
}

/** A pod that is over, or on its way out, needs no images any more. */
function hasEnded({ metadata, status }: V1Pod): boolean {
  return metadata?.deletionTimestamp !== undefined || status?.phase === 'Succeeded' || status?.phase === 'Failed';
}
