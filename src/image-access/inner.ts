/** For other rooms of this library; not published. */
export { createLedger, type PullLedger } from './ledger.js';
export { podCredentials, recordedCredentials } from './pod-credentials.js';
