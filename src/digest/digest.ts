import { ImageError } from '../errors/index.js';
import { type Digest, type DigestAlgorithm, quote } from '../internal/index.js';

const GRAMMAR = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;

/**
 * Tells whether a value is a digest that content can be verified against.
 *
 * @param value - anything
 * @returns whether it is `sha256`, `sha384` or `sha512` with lower-case hex of the right length
 * @example
 * ```ts
 * import { isDigest } from 'kubepull/digest';
 *
 * isDigest('sha256:abc'); // false: too short
 * ```
 * @public
 */
export function isDigest(value: unknown): value is Digest {
  return typeof value === 'string' && GRAMMAR.test(value);
}

/**
 * Checks a digest before it may name a file, a URL or a hash.
 *
 * @param value - the digest as received
 * @returns the same text, branded
 * @throws {@link ImageError} `ERR_DIGEST_INVALID` for anything but {@link isDigest}
 * @example
 * ```ts
 * import { parseDigest } from 'kubepull/digest';
 *
 * parseDigest(`sha256:${'0'.repeat(64)}`);
 * ```
 * @see digest.Validate in opencontainers/go-digest v1.0.0
 * @public
 */
export function parseDigest(value: string): Digest {
  if (isDigest(value)) return value;
  // A header that is absent is null to a caller without types.
  const given: unknown = value;
  throw new ImageError(
    'ERR_DIGEST_INVALID',
    `Cannot parse digest ${quote(String(given))}: it must be sha256, sha384 or sha512, a colon, and lower-case hex of the full length`,
  );
}

/**
 * The algorithm of a digest.
 *
 * @param digest - a checked digest
 * @returns the part before the colon
 * @throws {@link ImageError} `ERR_DIGEST_INVALID` for anything but {@link isDigest}
 * @example
 * ```ts
 * import { getDigestAlgorithm, parseDigest } from 'kubepull/digest';
 *
 * getDigestAlgorithm(parseDigest(`sha256:${'0'.repeat(64)}`)); // 'sha256'
 * ```
 * @public
 */
export function getDigestAlgorithm(digest: Digest): DigestAlgorithm {
  const checked = parseDigest(digest);
  return checked.slice(0, checked.indexOf(':')) as DigestAlgorithm;
}

/**
 * The encoded part of a digest: lower-case hex.
 *
 * @param digest - a checked digest
 * @returns the part after the colon
 * @throws {@link ImageError} `ERR_DIGEST_INVALID` for anything but {@link isDigest}
 * @example
 * ```ts
 * import { getDigestHex, parseDigest } from 'kubepull/digest';
 *
 * getDigestHex(parseDigest(`sha256:${'0'.repeat(64)}`)).length; // 64
 * ```
 * @public
 */
export function getDigestHex(digest: Digest): string {
  const checked = parseDigest(digest);
  return checked.slice(checked.indexOf(':') + 1);
}
