/**
 * Whether images can be pulled, before anybody needs them: asked as a node would ask, with cause and cure for what fails.
 *
 * @packageDocumentation
 */
export { checkPull, preflight } from './preflight.js';
export { formatPreflight, formatPreflightTable } from './format.js';
export {
  type CheckOptions,
  type CheckPullOptions,
  DEFAULT_REQUESTS_PER_REGISTRY,
  type FailedAttempt,
  type ImageCheck,
  type ImageUse,
  type PlannedAttempt,
  type PlatformCheck,
  type PreflightEvent,
  type PreflightFailure,
  type PreflightOptions,
  type PreflightReport,
  type RateLimit,
  type UnknownFact,
} from './types.js';
