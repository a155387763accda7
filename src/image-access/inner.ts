/** For other rooms of this library; not published. */
export { createLedger, type PullLedger } from './ledger.js';
