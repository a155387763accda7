/**
 * Content digests: the checked type, and the hash interface that a platform plugs in.
 *
 * @packageDocumentation
 */
export { type Digest, digestAlgorithm, type DigestAlgorithm, digestEncoded, isDigest, parseDigest } from './digest.js';
export { type CreateHasher, digestOf, type Hasher } from './hasher.js';
