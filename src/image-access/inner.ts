/** For other rooms of this library; not published. */
export { records as recordsKind } from './kinds.js';
export { recordedNameOf } from './access-name.js';
export { createLedger, type PullLedger } from './ledger.js';
export { withRecordChecks } from './memory-records.js';
export { podCredentials, recordedCredentials } from './pod-credentials.js';
