/**
 * From what a node says of a failed pull to its cause and cure.
 *
 * @packageDocumentation
 */
export { FAILURE_RULES, type FailureCause, type FailureRule } from './causes.js';
export { explainFailure, type FailureExplanation, type FailureRuntime } from './explain-failure.js';
export { formatFailure } from './format-failure.js';
