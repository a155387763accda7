/**
 * Content digests: the checked type, and the hash interface that a platform plugs in.
 *
 * @packageDocumentation
 */
export { type Digest, type DigestAlgorithm } from '../internal/index.js';
export { getDigestAlgorithm, getDigestHex, isDigest, parseDigest } from './digest.js';
export { type CreateHasher, computeDigest, type Hasher } from './hasher.js';
