/**
 * The registry client: transport, redirects, challenges, tokens, and typed errors.
 *
 * @packageDocumentation
 */
export { type AddressClass, type Transport, type TransportRequest, type TransportResponse } from './transport.js';
export { type FetchedBlob, type FetchedManifest, type RegistryClient } from './types.js';
export { classifyAddress } from './address.js';
export { type Challenge, parseChallenges } from './challenge.js';
export { createRegistryClient, type RegistryClientOptions } from './client.js';
export { fetchTransport } from './fetch-transport.js';
export { registryOrigin } from './registry-origin.js';
export { type RetryOptions, withRetry } from './retry.js';
export { type RealmPolicy, type RealmRule } from './url-policy.js';
