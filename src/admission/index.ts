/**
 * Admission without a framework: what a webhook answers to an AdmissionReview, from the same rules as the rest of this library.
 *
 * @packageDocumentation
 */
export { review, reviewPinned } from './review.js';
export {
  type AdmissionAnswer,
  type AdmissionRequestLike,
  type AdmissionResponse,
  type AdmissionReviewLike,
  type AdmissionRules,
  type AdmissionStatus,
  type PinnedAdmissionRules,
} from './types.js';
