import type { CallOptions } from '../../clock/index.js';
import { type CreateHasher, getDigestAlgorithm } from '../../digest/index.js';
import { ContentMismatchError, ImageError } from '../../errors/index.js';
import type { Descriptor } from '../../oci/index.js';
import type { ImageReference } from '../../reference/index.js';
import { ASK, enter, type RegistrySession } from '../session/session.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';

import { openBlobWithin } from './blobs.js';
import { createBlobBudget, cutShort, planRetries } from './cuts.js';
import { isCut } from '../transport/retry.js';

/**
 * Reads a layer or any other blob. The content is verified while it streams: it never has more bytes than the descriptor
 * says, and the iteration fails with {@link ContentMismatchError} after the last of them if they are not the right ones,
 * so use nothing of it before the end. A cut connection is resumed.
 *
 * @param session - with the reference's registry
 * @param ref - the repository
 * @param blob - as the manifest names it
 * @param options - an abort signal
 * @returns the content
 * @throws what {@link createRegistrySession} says of verbs, out of the loop
 * @example
 * ```ts
 * import { readBlob, type RegistrySession } from 'kubepull/distribution';
 * import type { Descriptor } from 'kubepull/oci';
 * import type { ImageReference } from 'kubepull/reference';
 *
 * declare const session: RegistrySession;
 * declare const ref: ImageReference;
 * declare const layer: Descriptor;
 * let size = 0;
 * for await (const chunk of readBlob(session, ref, layer)) size += chunk.length;
 * ```
 * @see Fetch of blobs in oras.land/oras-go registry/remote
 * @public
 */
export async function* readBlob(
  session: RegistrySession,
  ref: ImageReference,
  blob: Descriptor,
  options: CallOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  check<CallOptions>(ASK, options, is.callOptions);
  const { signal } = options;
  const { clock, createHasher, random } = enter(session, ref, blob);
  const verified = createCheck(blob, createHasher);
  const budget = createBlobBudget(clock, random);
  const retries = planRetries({ size: blob.size, offset: 0 }, budget);
  while (verified.offset < blob.size) {
    try {
      const { offset, content } = await openBlobWithin(
        session,
        ref,
        blob,
        { offset: verified.offset, signal },
        budget.refreshes,
      );
      yield* verified.pass(content, offset);
      if (verified.offset < blob.size) throw cutShort(ref, blob, verified.offset);
    } catch (error) {
      signal?.throwIfAborted();
      const delayMs = isCut(error) ? retries.pauseAfter(verified.offset) : undefined;
      if (delayMs === undefined) throw error;
      await clock.sleep(delayMs, { signal });
    }
  }
  verified.finish();
}

/** A blob in memory, verified. */
export async function collectBlob(
  session: RegistrySession,
  ref: ImageReference,
  blob: Descriptor,
  { signal, maxBytes }: CallOptions & { readonly maxBytes: number },
): Promise<Uint8Array> {
  if (blob.size > maxBytes)
    throw new ImageError(
      'ERR_REGISTRY_DOCUMENT',
      `Cannot read blob ${blob.digest} of ${ref.name}: it has ${blob.size} bytes, more than ${maxBytes}`,
    );
  const bytes = new Uint8Array(blob.size);
  let length = 0;
  for await (const chunk of readBlob(session, ref, blob, { signal })) {
    bytes.set(chunk, length);
    length += chunk.length;
  }
  return bytes;
}

interface Check {
  /** Bytes that have passed. */
  readonly offset: number;
  /** Passes content on that starts at an offset, without what has passed before; no byte more than the blob has. */
  pass(content: AsyncIterable<Uint8Array>, from: number): AsyncGenerator<Uint8Array, void, undefined>;
  finish(): void;
}

/** If the registry starts over with other bytes, the digest of all that has passed is wrong, and that is enough. */
function createCheck(blob: Descriptor, createHasher: CreateHasher): Check {
  const hasher = createHasher(getDigestAlgorithm(blob.digest));
  let offset = 0;
  const refuse = (reason: string, actual: ContentMismatchError['actual']): ContentMismatchError =>
    new ContentMismatchError(`Cannot use blob ${blob.digest}: ${reason}`, { expected: blob, actual });
  return {
    get offset() {
      return offset;
    },
    async *pass(content, from) {
      let at = from;
      for await (const chunk of content) {
        at += chunk.length;
        if (at > blob.size) throw refuse(`it has more than its ${blob.size} bytes`, { digest: undefined, size: at });
        if (at <= offset) continue;
        const fresh = chunk.subarray(chunk.length - (at - offset));
        hasher.update(fresh);
        offset = at;
        yield fresh;
      }
    },
    finish() {
      const digest = hasher.digest();
      if (digest !== blob.digest) throw refuse(`its content has the digest ${digest}`, { digest, size: offset });
    },
  };
}
