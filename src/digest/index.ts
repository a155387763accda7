/**
 * Content digests: the checked type, and the hash interface that a platform plugs in.
 *
 * @packageDocumentation
 */
export { type Digest, type DigestAlgorithm } from '../internal/index.js';
export { digestAlgorithm, digestEncoded, isDigest, parseDigest } from './digest.js';
export { type CreateHasher, digestOf, type Hasher } from './hasher.js';
