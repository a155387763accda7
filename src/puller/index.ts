/**
 * The puller: an image from a registry into a store, with kubelet's ordered credential fallback and an event stream.
 *
 * @packageDocumentation
 */
export { type PullAttempt, type PulledImage, type PullEvent, type PullOptions, type PullRuntime } from './types.js';
