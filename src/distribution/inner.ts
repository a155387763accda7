/** For other rooms of this library; not published. */
export { openBlobWithin } from './pull/blobs.js';
export { type RefreshBudget } from './session/request.js';
export { checkRetries, isCut } from './transport/retry.js';
export { isRedirectLimit } from './policy/redirects.js';
