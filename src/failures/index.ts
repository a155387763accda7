/**
 * From what a node says of failed pulls to their causes and cures: of one text, and of all images of a pod.
 *
 * @packageDocumentation
 */
export { FAILURE_RULES, type FailureCause, type FailureRule } from './causes.js';
export { explainFailure, type FailureExplanation, type FailureRuntime } from './explain-failure.js';
export { explainPod } from './explain-pod.js';
export { formatFailure } from './format-failure.js';
export { formatPodExplanation } from './format-pod.js';
export {
  type ContainerExplanation,
  type ContainerStatusLike,
  type EventObjectLike,
  type ExplainPodOptions,
  type PodEventLike,
  type PodWithStatusLike,
} from './pod-types.js';
