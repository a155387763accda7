// Verification of content as the stores do it, beside the bare hash of node:crypto over the same chunks.
import { createHash } from 'node:crypto';
import { parseDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { createVerifier } from 'kubepull/store';

const KIB = 1024;
const BARE = 'node:crypto';
const TOTAL = 2 * KIB * KIB;

/**
 * @param {'sha256' | 'sha512'} algorithm
 * @param {number} size of a chunk
 */
function sides(algorithm, size) {
  const total = Math.max(size, Math.min(TOTAL, size * 2048));
  // As many different chunks as a socket would have on the way.
  const chunks = Array.from({ length: 16 }, (_, place) => Buffer.alloc(size, place));
  const bare = () => {
    const hash = createHash(algorithm);
    for (let at = 0; at < total / size; at += 1) hash.update(chunks[at % 16] ?? '');
    return hash.digest('hex');
  };
  const digest = parseDigest(`${algorithm}:${bare()}`);
  return {
    kubepull: () => {
      const verifier = createVerifier({ mediaType: 'application/octet-stream', digest, size: total }, nodeHasher);
      for (let at = 0; at < total / size; at += 1) verifier.update(chunks[at % 16] ?? Buffer.alloc(0));
      verifier.end();
    },
    [BARE]: bare,
  };
}

/** @type {import('../harness.mjs').Topic} */
export const topic = {
  name: 'digest',
  about: 'Verified bytes, beside the bare hash. At 1.02 times its time the throughput is 0.98 of it.',
  cases: () =>
    /** @type {const} */ (['sha256', 'sha512']).flatMap((algorithm) => [
      { name: `${algorithm}, the smallest chunks: 256 bytes`, sides: sides(algorithm, 256) },
      ...[4, 64, 1024].map((kib) => ({
        name: `${algorithm}, chunks of ${kib} KiB`,
        sides: sides(algorithm, kib * KIB),
        goals: [{ side: 'kubepull', to: BARE, most: 1.02 }],
      })),
    ]),
};
