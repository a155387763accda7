/**
 * The puller: an image from a registry into a store, with kubelet's ordered credential fallback and an event stream.
 *
 * @packageDocumentation
 */
export { aggregateErrorTexts } from './aggregate.js';
export { DEFAULT_MAX_PARALLEL_DOWNLOADS, pullImage, pullImageEvents, storeName } from './pull.js';
export { type PullAttempt, type PulledImage, type PullEvent, type PullOptions, type PullRuntime } from './types.js';
