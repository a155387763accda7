/**
 * Registries: a session, the verbs that work with it, the transport below, and typed errors.
 *
 * A verb that reads gives verified content; one that opens gives what comes, for the caller to verify.
 *
 * @packageDocumentation
 */
export {
  type AddressClass,
  type BlobCarrier,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from './transport/transport.js';
export { classifyAddress } from './transport/address.js';
export { createFetchTransport, type FetchTransportOptions } from './transport/fetch-transport.js';
export { type RequestRetry, type RetryOptions, withRetry } from './transport/retry.js';
export { type RealmPolicy, type RealmRule, type RedirectPolicy } from './policy/url-policy.js';
export { type RegistryNotice } from './response/response.js';
export { type Challenge, parseChallenges } from './auth/challenge.js';
export { type RedirectCredential } from './auth/elsewhere.js';
export { type BearerToken, createTokenCache, type TokenCache, type TokenQuery } from './auth/token-cache.js';
export { createRegistrySession, type RegistrySession, type RegistrySessionOptions } from './session/session.js';
export { type ReadConfig, readConfig } from './pull/config.js';
export {
  type ManifestBytes,
  type ReadManifest,
  readManifest,
  readManifestBytes,
  type ReadManifestBytesOptions,
  type ReadManifestOptions,
  resolveManifest,
} from './pull/manifests.js';
export { hasBlob, openBlob, type OpenBlobOptions, type OpenedBlob } from './pull/blobs.js';
export { readBlob } from './pull/read-blob.js';
export { listTags, type ListTagsOptions } from './pull/tags.js';
export { listReferrers, type ListReferrersOptions } from './pull/referrers.js';
export {
  type IndexInspection,
  type InspectedEntry,
  inspectIndex,
  type InspectIndexOptions,
} from './pull/inspect-index.js';
export { type BlobSource, pushBlob, type PushBlobOptions, type PushedBlob } from './push/blob.js';
export { createRegistryStore, type RegistryStore, type RegistryStoreOptions } from './push/registry-store.js';
export { type PushContent, type PushedManifest, pushManifest, type PushManifestOptions } from './push/manifest.js';
