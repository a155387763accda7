/**
 * The registry client: transport, redirects, challenges, tokens, and typed errors.
 *
 * @packageDocumentation
 */
export { type AddressClass, type Transport, type TransportRequest, type TransportResponse } from './transport.js';
export { type FetchedBlob, type FetchedManifest, type RegistryClient } from './types.js';
