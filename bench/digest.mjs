// Verifies content as the stores do, beside the bare hash of node:crypto over the same chunks.
//
//   node bench/digest.mjs [--rounds 9] [--mib 256]
//
// Speeds are of the processor time of the best round, which other work on the machine disturbs least. The last column is
// how fast the verification is against the bare hash; 0.9 is the least.
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { parseDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { createVerifier } from 'kubepull/store';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '9' }, mib: { type: 'string', default: '256' } },
});
const KIB = 1024;
const CHUNKS = [256, 4 * KIB, 16 * KIB, 64 * KIB, 1024 * KIB];
const total = Number(values.mib) * KIB * KIB;
const least = 0.9;

/**
 * Milliseconds of processor time that it takes to feed the same chunks again and again.
 *
 * @param {(chunk: Uint8Array) => void} update
 * @param {() => void} end
 * @param {{ chunk: number, bytes: number }} shape
 */
function time(update, end, { chunk, bytes }) {
  // As many different chunks as a socket would have on the way.
  const chunks = Array.from({ length: 16 }, (_, place) => Buffer.alloc(chunk, place));
  const started = process.cpuUsage();
  for (let at = 0; at < bytes; at += chunk) update(chunks[(at / chunk) % 16] ?? Buffer.alloc(0));
  end();
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1000;
}

/**
 * @param {'sha256' | 'sha512'} algorithm
 * @param {{ chunk: number, bytes: number }} shape
 */
function compare(algorithm, shape) {
  const bare = () => {
    const hash = createHash(algorithm);
    return time(
      (bytes) => void hash.update(bytes),
      () => void hash.digest('hex'),
      shape,
    );
  };
  const expected = computeDigest(algorithm, shape);
  const verified = () => {
    const descriptor = { mediaType: 'application/octet-stream', digest: parseDigest(expected), size: shape.bytes };
    const verifier = createVerifier(descriptor, nodeHasher);
    return time(
      (bytes) => verifier.update(bytes),
      () => verifier.end(),
      shape,
    );
  };
  bare();
  verified();
  return Array.from({ length: Number(values.rounds) }, (_, round) => {
    if (round % 2 === 0) return { bare: bare(), verified: verified() };
    const later = verified();
    return { bare: bare(), verified: later };
  });
}

/**
 * @param {string} algorithm
 * @param {{ chunk: number, bytes: number }} shape
 */
function computeDigest(algorithm, shape) {
  const hash = createHash(algorithm);
  time(
    (bytes) => void hash.update(bytes),
    () => undefined,
    shape,
  );
  return `${algorithm}:${hash.digest('hex')}`;
}

console.log(`Node ${process.version}, ${values.rounds} rounds of ${values.mib} MiB\n`);
console.log('| Hash | Chunk, bytes | node:crypto, MB/s | Verifier, MB/s | to node:crypto |');
console.log('| --- | ---: | ---: | ---: | ---: |');
let missed = 0;
for (const algorithm of /** @type {const} */ (['sha256', 'sha512'])) {
  for (const chunk of CHUNKS) {
    const rounds = compare(algorithm, { chunk, bytes: total });
    /** @param {'bare' | 'verified'} kind */
    const speed = (kind) => total / 1e3 / Math.min(...rounds.map((round) => round[kind]));
    const ratio = speed('verified') / speed('bare');
    if (ratio < least) missed += 1;
    const cells = [algorithm, chunk, speed('bare').toFixed(0), speed('verified').toFixed(0), ratio.toFixed(2)];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
if (missed > 0) {
  console.error(`\n${missed} below ${least}`);
  process.exitCode = 1;
}
