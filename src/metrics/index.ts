/**
 * Kubelet's counters of images and pulls, fed by tracing, in a form that any metrics library takes.
 *
 * @packageDocumentation
 */
export { createImageMetrics, type ImageMetrics, type ImageMetricsOptions } from './image-metrics.js';
export { type MetricFamily, type MetricSample } from './metric-store.js';
