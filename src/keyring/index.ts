/**
 * The keyring: which credentials kubelet tries for an image, in which order, and why not the others.
 *
 * @packageDocumentation
 */
export { createKeyring } from './create-keyring.js';
export { formatLookup } from './format-lookup.js';
export {
  type CredentialCandidate,
  type Keyring,
  type LookupResult,
  type RejectedEntry,
  type SourceReport,
  type StaticKeyring,
} from './types.js';
export { joinKeyrings } from './union-keyrings.js';
