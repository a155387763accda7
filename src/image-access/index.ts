/**
 * May this pod use the image that is on the node: pull records, their verification, and what kubelet asks of them.
 *
 * @packageDocumentation
 */
export { toRecordedName } from './access-name.js';
export { type AllowlistPattern, matchAllowlist, parseAllowlist } from './allowlist.js';
export {
  type CredentialVerificationPolicy,
  DEFAULT_VERIFICATION_POLICY,
  requiresCredentialVerification,
  type VerificationOptions,
} from './verification.js';
export {
  type ImagePullCredentials,
  type ImagePulledRecord,
  mergePullCredentials,
  type ObjectCoordinates,
  type PulledRecords,
  type PulledWith,
  type RecordedSecret,
  recordPull,
  toPullCredentials,
} from './records.js';
export {
  decideMustPull,
  MAX_RECORDED_SECRETS,
  type MustPullDecision,
  type MustPullQuestion,
  type PodPullCredentials,
} from './must-pull.js';
export { hashCredential } from './credential-hash.js';
export { createMemoryRecords } from './memory-records.js';
