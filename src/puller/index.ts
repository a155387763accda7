/**
 * The puller: an image from a registry into a store, with kubelet's ordered credential fallback and an event stream.
 *
 * @packageDocumentation
 */
export { aggregateErrorTexts } from './try-endpoints.js';
export {
  createDownloadPool,
  DEFAULT_MAX_PARALLEL_DOWNLOADS,
  type DownloadPool,
  type DownloadPoolOptions,
} from './download-pool.js';
export { type LayerRanges } from './layer-ranges.js';
export { pullImage, pullImageEvents, formatStoreName } from './pull.js';
export { type ResolvedImage, type VerifyImage } from './verify.js';
export { type PulledImage, type PullEvent } from './events.js';
export { type PullLimits, type PullOptions, type PullRuntime } from './types.js';
