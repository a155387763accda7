/**
 * The keyring: which credentials kubelet tries for an image, in which order, and why not the others.
 *
 * @packageDocumentation
 */
export {
  type CredentialCandidate,
  type Keyring,
  type LookupResult,
  type RejectedEntry,
  type StaticKeyring,
} from './types.js';
