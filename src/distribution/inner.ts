/** For other rooms of this library; not published. */
export { type FetchedBlob, openBlobWithin } from './pull/blobs.js';
export { tokenCacheKind } from './auth/token-cache.js';
export { realmPolicyKind, redirectPolicyKind } from './policy/url-policy.js';
export { carrierKind, requestKind } from './transport/transport.js';
export {
  type BlobBudget,
  bodyError,
  createBlobBudget,
  cutShort,
  type DownloadRetries,
  planRetries,
} from './pull/cuts.js';
export { isCut, retryAfterMs, retryKind } from './transport/retry.js';
export { echoesSecret } from './session/session.js';
export { redirectLimitKind } from './policy/redirects.js';
export { exchangeLimitKinds, type ExchangeLimits, exchangeLimits } from './transport/limits.js';
