/**
 * Kubelet's image garbage collection: which images go, when, and the loop that removes them.
 *
 * @packageDocumentation
 */
export {
  DEFAULT_GC_HIGH_THRESHOLD_PERCENT,
  DEFAULT_GC_LOW_THRESHOLD_PERCENT,
  DEFAULT_MINIMUM_GC_AGE_MS,
  type ImageGcConfiguration,
} from './policy.js';
export {
  type DiskRoom,
  type ImageGcDecision,
  type ImageGcPlan,
  type ImageGcQuestion,
  type ImageUse,
  planImageGc,
} from './plan.js';
export {
  createImageCollector,
  type ImageCollector,
  type ImageCollectorOptions,
  type ImageGcReport,
  type RecordPruner,
} from './collector.js';
