/**
 * What kubelet says about a pull: waiting reasons, messages and events, to the letter.
 *
 * @packageDocumentation
 */
export { formatGoDuration } from './duration.js';
export { type PodEvent, pullStepEvent, type PullStep } from './events.js';
export { type Waiting, waitingAfterFailure, waitingInBackOff, type WaitingReason } from './waiting.js';
