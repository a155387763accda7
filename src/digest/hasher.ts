import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { Digest, DigestAlgorithm } from '../internal/index.js';

/**
 * A running hash. The library owns none: `kubepull/node` gives one over `node:crypto`.
 *
 * @public
 */
export interface Hasher {
  /** Takes the next bytes; the chunk may be reused by the caller afterwards. */
  update(chunk: Uint8Array): void;
  /** Ends the hash. It may be called once. */
  digest(): Digest;
}

/**
 * Starts a hash: `nodeHasher` of `kubepull/node`, or one of your own over any library that hashes a stream.
 *
 * @example
 * ```ts
 * import { type CreateHasher, parseDigest } from 'kubepull/digest';
 * import { createHash } from 'node:crypto';
 *
 * const createHasher: CreateHasher = (algorithm) => {
 *   const hash = createHash(algorithm);
 *   return {
 *     update: (chunk) => void hash.update(chunk),
 *     digest: () => parseDigest(`${algorithm}:${hash.digest('hex')}`),
 *   };
 * };
 * ```
 * @public
 */
export type CreateHasher = (algorithm: DigestAlgorithm) => Hasher;

/**
 * Hashes bytes that are in memory.
 *
 * @param bytes - the content
 * @param createHasher - where hashes come from, such as `nodeHasher` of `kubepull/node`
 * @param algorithm - defaults to `sha256`
 * @returns the digest of the bytes
 * @example
 * ```ts
 * import { computeDigest } from 'kubepull/digest';
 * import { nodeHasher } from 'kubepull/node';
 *
 * computeDigest(new Uint8Array(), nodeHasher); // sha256:e3b0c442…
 * ```
 * @public
 */
export function computeDigest(
  bytes: Uint8Array,
  createHasher: CreateHasher,
  algorithm: DigestAlgorithm = 'sha256',
): Digest {
  check(
    'Cannot hash',
    { bytes, createHasher, algorithm },
    { bytes: is.bytes, createHasher: is.hasher, algorithm: is.algorithm },
  );
  const hasher = createHasher(algorithm);
  hasher.update(bytes);
  return hasher.digest();
}
