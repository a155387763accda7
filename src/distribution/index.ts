/**
 * The registry client: transport, redirects, challenges, tokens, and typed errors.
 *
 * @packageDocumentation
 */
export {
  type AddressClass,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from './transport/transport.js';
export {
  type ChooseOptions,
  type FetchBlobOptions,
  type FetchedBlob,
  type FetchedManifest,
  type FetchManifestOptions,
  type ReadConfig,
  type ReadManifest,
} from './pull/types.js';
export {
  type BlobSource,
  type PushBlobOptions,
  type PushContent,
  type PushedBlob,
  type PushedManifest,
  type PushManifestOptions,
} from './push/types.js';
export { type ListTagsOptions } from './pull/tags.js';
export { type ReferrersOptions } from './pull/referrers.js';
export { type IndexInspection, type InspectedEntry, inspectIndex, type InspectIndexOptions } from './inspect-index.js';
export { classifyAddress } from './transport/address.js';
export { type Challenge, parseChallenges } from './auth/challenge.js';
export { createRegistryClient, type RegistryClient, type RegistryClientOptions } from './client.js';
export { fetchTransport, type FetchTransportOptions } from './transport/fetch-transport.js';
export { type RegistryNotice } from './transport/notices.js';
export { type RequestRetry, type RetryOptions, withRetry } from './transport/retry.js';
export { type BearerToken, createTokenCache, type TokenCache, type TokenQuery } from './auth/token-cache.js';
export { type RealmPolicy, type RealmRule } from './policy/url-policy.js';
