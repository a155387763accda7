import type { CreateHasher } from '../digest/index.js';
import type { Descriptor } from '../oci/index.js';
import { createVerifier } from './verifier.js';

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
  const verifier = createVerifier(expected, createHasher);
  for await (const chunk of content) {
    verifier.update(chunk);
    yield chunk;
  }
  verifier.end();
}
