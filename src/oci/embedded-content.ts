import { check, checkFast } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { type CreateHasher, getDigestAlgorithm, computeDigest } from '../digest/index.js';
import { decodeBase64, type Descriptor } from '../internal/index.js';

/** What is worth a request of its own is not decoded in one go. */
const MAX_EMBEDDED = 256 * 1024;

/**
 * The content that a descriptor brings along itself, in its field `data`.
 *
 * It spares a request, and nothing more: what is not exactly the content that the descriptor names counts as absent,
 * because an image that other tools pull, which pass the field over, is no worse for it. So does what has more than
 * 256 KiB.
 *
 * @param descriptor - as it was read
 * @param createHasher - where hashes come from
 * @returns the content, verified in size and digest, or `undefined` when it has to be fetched
 * @example
 * ```ts
 * import { computeDigest } from 'kubepull/digest';
 * import { nodeHasher } from 'kubepull/node';
 * import { decodeEmbeddedContent, MEDIA_TYPES } from 'kubepull/oci';
 *
 * const digest = computeDigest(new TextEncoder().encode('{}'), nodeHasher);
 * decodeEmbeddedContent({ mediaType: MEDIA_TYPES.ociEmpty, digest, size: 2, data: 'e30=' }, nodeHasher); // the bytes of {}
 * ```
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#embedded-content
 * @public
 */
export function decodeEmbeddedContent(descriptor: Descriptor, createHasher: CreateHasher): Uint8Array | undefined {
  check(
    'Cannot read embedded content',
    { descriptor, createHasher },
    { descriptor: is.descriptor, createHasher: is.hasher },
  );
  checkFast('Cannot read embedded content', 'data', descriptor.data, is.optional(is.text));
  const { data, digest, size } = descriptor;
  // The length alone tells most that is wrong, before anything is decoded.
  if (data === undefined || size > MAX_EMBEDDED || data.length !== Math.ceil(size / 3) * 4) return undefined;
  const bytes = decodeBase64(data, true);
  if (typeof bytes === 'string' || bytes.length !== size) return undefined;
  return computeDigest(bytes, createHasher, getDigestAlgorithm(digest)) === digest ? bytes : undefined;
}
