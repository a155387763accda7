import { createHash } from 'node:crypto';
import { checkFast } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { CreateHasher, Digest } from '../digest/index.js';

/**
 * Hashes of `node:crypto`, which are OpenSSL's: as fast as the machine allows.
 *
 * @param algorithm - `sha256`, `sha384` or `sha512`
 * @returns a running hash
 * @example
 * ```ts
 * import { computeDigest } from 'kubepull/digest';
 * import { nodeHasher } from 'kubepull/node';
 *
 * computeDigest(new TextEncoder().encode('hello'), nodeHasher, 'sha512');
 * ```
 * @public
 */
export const nodeHasher: CreateHasher = (algorithm) => {
  checkFast('Cannot hash', 'algorithm', algorithm, is.algorithm);
  const hash = createHash(algorithm);
  return {
    update(chunk) {
      checkFast('Cannot hash', 'chunk', chunk, is.bytes);
      hash.update(chunk);
    },
    digest: () => `${algorithm}:${hash.digest('hex')}` as Digest,
  };
};
