import type { MetricDefinition } from './metric-store.js';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** From how many bytes on an image has a label. */
const SIZE_LABELS: readonly (readonly [number, string])[] = [
  [100 * GIB, 'GT100GB'],
  [60 * GIB, '60GB-100GB'],
  [40 * GIB, '40GB-60GB'],
  [30 * GIB, '30GB-40GB'],
  [20 * GIB, '20GB-30GB'],
  [10 * GIB, '10GB-20GB'],
  [5 * GIB, '5GB-10GB'],
  [GIB, '1GB-5GB'],
  [500 * MIB, '500MB-1GB'],
  [100 * MIB, '100MB-500MB'],
  [10 * MIB, '10MB-100MB'],
];

/** The label that kubelet puts an image under by its size. */
export function sizeLabel(bytes: number): string {
  if (bytes === 0) return 'N/A';
  return SIZE_LABELS.find(([above]) => bytes > above)?.[1] ?? '0-10MB';
}

/** Seconds, as kubelet has them for the same metric. */
const PULL_BUCKETS = [1, 5, 10, 20, 30, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];
const PLUGIN_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const RUNTIME_BUCKETS = /* @__PURE__ */ Array.from({ length: 14 }, (_, power) => 0.005 * 2.5 ** power);

export type MetricKey =
  | 'checked'
  | 'collected'
  | 'ensured'
  | 'operationErrors'
  | 'operations'
  | 'operationTime'
  | 'plugin'
  | 'pluginErrors'
  | 'pulled';

/** Name and labels are kubelet's, so that its dashboards and alerts fit. */
export const METRICS: Readonly<Record<MetricKey, MetricDefinition>> = {
  ensured: {
    name: 'kubelet_image_manager_ensure_image_requests_total',
    help: 'Images asked for by containers, by policy, presence, and need of a pull.',
  },
  checked: {
    name: 'kubelet_imagemanager_image_mustpull_checks_total',
    help: 'Checks whether a pod may use an image that is on the node, by result.',
  },
  pulled: {
    name: 'kubelet_image_pull_duration_seconds',
    help: 'Time of successful pulls with their time in the queue, by size of the image.',
    buckets: PULL_BUCKETS,
  },
  collected: {
    name: 'kubelet_image_garbage_collected_total',
    help: 'Images removed by garbage collection, by reason.',
  },
  plugin: {
    name: 'kubelet_credential_provider_plugin_duration',
    help: 'Time of runs of credential plugins, in seconds.',
    buckets: PLUGIN_BUCKETS,
  },
  pluginErrors: {
    name: 'kubelet_credential_provider_plugin_errors_total',
    help: 'Runs of credential plugins that failed.',
  },
  operations: { name: 'kubelet_runtime_operations_total', help: 'Calls of the image service, by kind.' },
  operationErrors: {
    name: 'kubelet_runtime_operations_errors_total',
    help: 'Calls of the image service that failed, by kind.',
  },
  operationTime: {
    name: 'kubelet_runtime_operations_duration_seconds',
    help: 'Time of calls of the image service, by kind.',
    buckets: RUNTIME_BUCKETS,
  },
};
