/**
 * One pull, explained: every decision that kubelet makes before the first byte, as a value and as text for a ticket.
 *
 * @packageDocumentation
 */
export { explainPull } from './explain-pull.js';
export { formatExplanation } from './format-explanation.js';
export {
  type ExplainedFailure,
  type ExplainedSecrets,
  type ExplainPullOptions,
  type PresentImage,
  type PullExplanation,
} from './types.js';
