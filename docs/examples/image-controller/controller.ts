import type { KubeConfig } from '@kubernetes/client-node';
import { systemClock, type Clock } from 'kubepull/clock';
import { createImageManager } from 'kubepull/image-manager';
import { createPullerImageService } from 'kubepull/image-service';
import { openNodeKeyring, createNodeRuntime, openOciLayout, openPulledRecords } from 'kubepull/node';
import { createDownloadPool } from 'kubepull/puller';
import { createEventRecorder } from './events.js';
import { createCoreApi, describeError } from './kube-api.js';
import { createPodWorkers } from './pod-workers.js';
import { createSecretReader } from './pull-secrets.js';
import { syncPod } from './sync-pod.js';
import { watchPods } from './watch-pods.js';

export interface ControllerOptions {
  readonly kubeConfig: KubeConfig;
  readonly node: string;
  /** @defaultValue all namespaces */
  readonly namespace?: string | undefined;
  readonly layout: string;
  readonly records: string;
  readonly plainHttp?: readonly string[];
  /** Whether pods without pull secrets get those of their service account, as admission would have done. */
  readonly serviceAccounts?: boolean;
  readonly clock?: Clock;
  /** Gets a line for each event. */
  readonly print?: (line: string) => void;
  readonly warn?: (line: string) => void;
}

/** Runs until the signal aborts; nothing is under way when it resolves. */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { kubeConfig, node, namespace, plainHttp = [], serviceAccounts = false, clock = systemClock } = options;
  const { print = console.log, warn = console.error } = options;
  const core = createCoreApi(kubeConfig);
  const events = createEventRecorder(core, { component: 'image-controller', host: node, clock, print, warn });
  const runtime = createNodeRuntime();
  const store = await openOciLayout(options.layout);
  const manager = createImageManager({
    images: createPullerImageService({ runtime, store, plainHttp, downloads: createDownloadPool() }),
    createHasher: runtime.createHasher,
    keyring: await openNodeKeyring(),
    records: await openPulledRecords(options.records),
    maxParallelImagePulls: 5,
    clock,
    onEvent: events.record,
    onWarning: (error) => warn(describeError(error)),
  });

  const secrets = createSecretReader(core, { serviceAccounts, record: events.record, warn });
  const workers = createPodWorkers({
    sync: (pod, ready, podSignal) => syncPod(pod, ready, { manager, secrets, signal: podSignal }),
    onForgotten: events.forget,
    clock,
    warn,
  });
  try {
    await watchPods({ core, kubeConfig, node, namespace, clock, warn }, workers, signal);
  } finally {
    await workers.stop();
    await events.flush();
    await runtime.close();
  }
}
