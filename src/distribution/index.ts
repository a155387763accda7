/**
 * The registry client: transport, redirects, challenges, tokens, and typed errors.
 *
 * @packageDocumentation
 */
export { type AddressClass, type Transport, type TransportRequest, type TransportResponse } from './transport.js';
export {
  type ChooseOptions,
  type FetchBlobOptions,
  type FetchedBlob,
  type FetchedManifest,
  type FetchManifestOptions,
  type ReadConfig,
  type ReadManifest,
  type RegistryClient,
} from './types.js';
export {
  type BlobSource,
  type PushBlobOptions,
  type PushContent,
  type PushedBlob,
  type PushedManifest,
  type PushManifestOptions,
} from './push-types.js';
export { type ListTagsOptions } from './tags.js';
export { type ReferrersOptions } from './referrers.js';
export { type IndexInspection, type InspectedEntry, inspectIndex, type InspectIndexOptions } from './inspect-index.js';
export { classifyAddress } from './address.js';
export { type Challenge, parseChallenges } from './challenge.js';
export { createRegistryClient, type RegistryClientOptions } from './client.js';
export { type EndpointCapability, type RegistryEndpoint, type RegistryEndpoints } from './endpoint.js';
export { checkEndpoints, credentialName } from './endpoint-check.js';
export { mirrorEndpoint, upstreamEndpoint } from './endpoint-make.js';
export { mirrorEndpoints } from './endpoint-routes.js';
export { fetchTransport, type FetchTransportOptions } from './fetch-transport.js';
export { type RegistryNotice } from './notices.js';
export { registryOrigin } from './registry-origin.js';
export { type RequestRetry, type RetryOptions, withRetry } from './retry.js';
export { type BearerToken, createTokenCache, type TokenCache, type TokenQuery } from './token-cache.js';
export { type RealmPolicy, type RealmRule } from './url-policy.js';
