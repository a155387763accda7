import { type Clock, systemClock } from '../clock/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { EnsureTrace, TraceContexts, TraceOperation, Tracing } from '../tracing/index.js';
import { checkTrace } from '../tracing/inner.js';
import { createMetric, type Metric, type MetricDefinition, type MetricFamily, metricsText } from './metric-store.js';

/**
 * What counters need.
 *
 * @public
 */
export interface ImageMetricsOptions {
  /** Measures the durations for the histograms. @defaultValue `systemClock` */
  readonly clock?: Pick<Clock, 'monotonic'> | undefined;
}

/**
 * Counters of what happens to images.
 *
 * @public
 */
export interface ImageMetrics extends Tracing {
  /** All metrics and their numbers by now; one that has counted nothing yet has no samples. */
  families(): readonly MetricFamily[];
  /** The same as the text that Prometheus scrapes. */
  text(): string;
}

/**
 * Makes counters with the names, labels and buckets of kubelet's own metrics about images, for its dashboards and alerts.
 *
 * They count what they are told of: give them as `tracing` to an image manager, to a collector, to a keyring of plugins.
 * No label holds an image or a pod, so the numbers stay few.
 *
 * @param options - see {@link ImageMetricsOptions}
 * @returns the counters, all at zero
 * @example
 * ```ts
 * import { createImageManager } from 'kubepull/image-manager';
 * import { type ImageService } from 'kubepull/image-service';
 * import { nodeHasher } from 'kubepull/node';
 * import { createImageMetrics } from 'kubepull/metrics';
 *
 * declare const images: ImageService;
 * const metrics = createImageMetrics();
 * const manager = createImageManager({ images, createHasher: nodeHasher, tracing: metrics });
 * console.log(metrics.text());
 * ```
 * @see metrics.go in kubernetes pkg/kubelet/metrics and pkg/kubelet/images, v1.35
 * @public
 */
export function createImageMetrics(options: ImageMetricsOptions = {}): ImageMetrics {
  check('Cannot measure images', options, { clock: is.optional(is.monotonicClock) });
  const { clock = systemClock } = options;
  const metrics = createMetrics();
  const families = (): readonly MetricFamily[] => Object.values(metrics).map((metric) => metric.family());
  return {
    async trace(operation, context, action) {
      checkTrace(operation, context, action);
      const start = clock.monotonic();
      let failed = true;
      try {
        const value = await action();
        failed = false;
        return value;
      } finally {
        count(metrics, { operation, context } as Told, { seconds: (clock.monotonic() - start) / 1000, failed });
      }
    },
    families,
    text: () => metricsText(families()),
  };
}

type Metrics = Readonly<Record<MetricKey, Metric>>;

function createMetrics(): Metrics {
  const entries = Object.entries(METRICS).map(([key, definition]) => [key, createMetric(definition)]);
  return Object.fromEntries(entries) as Metrics;
}

/** An operation with the context that belongs to it. */
type Told = { [K in TraceOperation]: { readonly operation: K; readonly context: TraceContexts[K] } }[TraceOperation];

interface Outcome {
  readonly seconds: number;
  readonly failed: boolean;
}

function count(metrics: Metrics, { operation, context }: Told, { seconds, failed }: Outcome): void {
  switch (operation) {
    case 'ensure':
      return countEnsure(metrics, context);
    case 'plugin': {
      const labels = { plugin_name: context.plugin };
      metrics.plugin.add(labels, seconds);
      if (failed) metrics.pluginErrors.add(labels);
      return;
    }
    case 'remove':
      if (!failed) metrics.collected.add({ reason: context.reason });
      return;
    case 'runtime': {
      const labels = { operation_type: context.operation };
      metrics.operations.add(labels);
      metrics.operationTime.add(labels, seconds);
      if (failed) metrics.operationErrors.add(labels);
      return;
    }
    case 'blob':
    case 'lookup':
    case 'manifest':
    case 'pull':
  }
}

function countEnsure(metrics: Metrics, context: EnsureTrace): void {
  const { pullPolicy, presentLocally, pullRequired, check, status, size = 0, totalMs = 0 } = context;
  metrics.ensured.add({
    present_locally: known(presentLocally),
    pull_policy: pullPolicy.toLowerCase(),
    pull_required: known(pullRequired),
  });
  if (check !== undefined) metrics.checked.add({ result: CHECK_RESULTS.get(check) ?? 'error' });
  if (status === 'pulled') metrics.pulled.add({ image_size_in_bytes: sizeLabel(size) }, Math.trunc(totalMs) / 1000);
}

function known(fact: boolean | undefined): string {
  return fact === undefined ? 'unknown' : String(fact);
}

/** Kubelet's word for each reason of a decision; all others are errors. */
const CHECK_RESULTS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['not-required', 'credentialPolicyAllowed'],
  ['node-accessible', 'credentialRecordFound'],
  ['same-credential', 'credentialRecordFound'],
  ['same-secret', 'credentialRecordFound'],
  ['same-service-account', 'credentialRecordFound'],
  ['no-record', 'mustAuthenticate'],
  ['other-repository', 'mustAuthenticate'],
  ['nothing-recorded', 'mustAuthenticate'],
  ['no-match', 'mustAuthenticate'],
]);

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
function sizeLabel(bytes: number): string {
  if (bytes === 0) return 'N/A';
  return SIZE_LABELS.find(([above]) => bytes > above)?.[1] ?? '0-10MB';
}

/** Seconds, as kubelet has them for the same metric. */
const PULL_BUCKETS = [1, 5, 10, 20, 30, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];
const PLUGIN_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const RUNTIME_BUCKETS = /* @__PURE__ */ Array.from({ length: 14 }, (_, power) => 0.005 * 2.5 ** power);

type MetricKey =
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
const METRICS: Readonly<Record<MetricKey, MetricDefinition>> = {
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
