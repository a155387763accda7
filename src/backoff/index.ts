/**
 * The back-off of image pulls: how long kubelet waits after each failure, as a schedule, a step and a tracker by key.
 *
 * @packageDocumentation
 */
export { type BackoffOptions, DEFAULT_FACTOR, DEFAULT_INITIAL_MS, DEFAULT_MAX_MS } from './options.js';
export { planBackoff, type BackoffState, type BackoffStep, isInBackoff, advanceBackoff } from './backoff.js';
export { type BackoffTracker, type BackoffTrackerOptions, createBackoffTracker } from './tracker.js';
