import { check, checkFast } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { type CreateHasher, type Digest, type DigestAlgorithm, isDigest } from '../digest/index.js';
import { ContentMismatchError, ImageError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import type { Descriptor } from '../oci/index.js';
import type { FilledContent } from './types.js';

/**
 * Counts and hashes content as it passes.
 *
 * @public
 */
export interface Verifier {
  /** Bytes taken so far. */
  readonly size: number;
  /** Takes the next bytes; fails with `ContentMismatchError`, and takes none of them, when they are too many. */
  update(chunk: Uint8Array): void;
  /** Ends the content; fails with `ContentMismatchError` when it was too short or has another digest. Call it once. */
  end(): void;
}

/**
 * Starts the verification of content. Every store of this library is built on it.
 *
 * @param expected - what the content has to be
 * @param createHasher - where hashes come from, such as `nodeHasher` of `kubepull/node`
 * @returns a verifier for one pass over the content
 * @throws {@link ImageError} `ERR_DIGEST_INVALID` or `ERR_OPTION_INVALID` for a descriptor without a digest or size that
 * content can be held against
 * @example
 * ```ts
 * import type { Descriptor } from 'kubepull/oci';
 * import { nodeHasher } from 'kubepull/node';
 * import { createVerifier } from 'kubepull/store';
 *
 * declare const descriptor: Descriptor;
 * const verifier = createVerifier(descriptor, nodeHasher);
 * verifier.update(new TextEncoder().encode('hello'));
 * verifier.end();
 * ```
 * @public
 */
export function createVerifier(expected: Descriptor, createHasher: CreateHasher): Verifier {
  // A store makes one for each blob, small ones too.
  checkFast('Cannot verify content', 'expected', expected, is.object);
  checkFast('Cannot verify content', 'createHasher', createHasher, is.hasher);
  checkDescriptor(expected);
  const hasher = createHasher(expected.digest.slice(0, expected.digest.indexOf(':')) as DigestAlgorithm);
  let size = 0;
  const verifier = {
    // For the reader; what is counted is out of reach.
    size,
    update(chunk: Uint8Array): void {
      if (!(chunk instanceof Uint8Array)) check('Cannot verify content', { chunk }, { chunk: is.bytes });
      if (chunk.length > expected.size - size) throw tooLong(expected, size + chunk.length);
      hasher.update(chunk);
      size += chunk.length;
      verifier.size = size;
    },
    end(): void {
      const digest = hasher.digest();
      if (size !== expected.size || digest !== expected.digest) throw mismatch(expected, { digest, size });
    },
  };
  return verifier;
}

/**
 * Holds content against its descriptor that somebody else has counted and hashed.
 *
 * @throws {@link ContentMismatchError} when it is not what it should be; short of its end, only when there is too much of it
 */
export function checkFilled(expected: Descriptor, { size, digest }: Pick<FilledContent, 'size' | 'digest'>): void {
  if (size > expected.size) throw tooLong(expected, size);
  if (digest !== undefined && (size !== expected.size || digest !== expected.digest))
    throw mismatch(expected, { digest, size });
}

/** Descriptors come from programs too, which may have skipped the parsers. */
function checkDescriptor({ digest, size }: Descriptor): void {
  if (!isDigest(digest)) {
    throw new ImageError('ERR_DIGEST_INVALID', `Cannot verify content: ${quote(String(digest))} is not a full digest`);
  }
  if (Number.isSafeInteger(size) && size >= 0) return;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot verify content ${digest}: its size must be a whole number from 0`);
}

function tooLong(expected: Descriptor, size: number): ContentMismatchError {
  const text = `Cannot accept content ${expected.digest}: ${size} bytes came, more than the expected ${expected.size}`;
  return new ContentMismatchError(text, { expected, actual: { digest: undefined, size } });
}

function mismatch(expected: Descriptor, actual: { readonly digest: Digest; readonly size: number }): Error {
  const reason =
    actual.size === expected.size
      ? `its digest is ${actual.digest}`
      : `it ended after ${actual.size} of the expected ${expected.size} bytes`;
  return new ContentMismatchError(`Cannot accept content ${expected.digest}: ${reason}`, { expected, actual });
}

/**
 * Passes content on and verifies it on the way.
 *
 * What came before the loop ends without an error is not yet verified; only then size and digest are known to be right.
 * At most as many bytes as expected are passed on.
 *
 * @param content - the bytes as they come
 * @param expected - what they have to be
 * @param createHasher - where hashes come from, such as `nodeHasher` of `kubepull/node`
 * @returns the same chunks
 * @throws {@link ContentMismatchError} when the content is longer, shorter or other than expected
 * @example
 * ```ts
 * import type { Descriptor } from 'kubepull/oci';
 * import { nodeHasher } from 'kubepull/node';
 * import { verifyContent } from 'kubepull/store';
 *
 * declare const body: AsyncIterable<Uint8Array>;
 * declare const layer: Descriptor;
 * for await (const chunk of verifyContent(body, layer, nodeHasher)) console.log(chunk.length);
 * ```
 * @public
 */
export async function* verifyContent(
  content: AsyncIterable<Uint8Array>,
  expected: Descriptor,
  createHasher: CreateHasher,
): AsyncGenerator<Uint8Array, void, undefined> {
  check('Cannot verify content', { content }, { content: is.asyncIterable });
  const verifier = createVerifier(expected, createHasher);
  for await (const chunk of content) {
    verifier.update(chunk);
    yield chunk;
  }
  verifier.end();
}
