import type { CallOptions } from '../clock/index.js';
import { ContentMismatchError, ImageError } from '../errors/index.js';
import { type Descriptor, embeddedContent } from '../oci/index.js';
import type { ImageReference } from '../reference/index.js';
import { isRangeRefused, rangeFrom, takePart } from './blob-range.js';
import type { ClientContext } from './context.js';
import { fetchForeign, isForeign } from './foreign.js';
import { isEncoded } from './read-body.js';
import { blobUrl } from './request-url.js';
import { lengthOf } from './response-headers.js';
import type { RefreshBudget, RepositoryActions } from './repository-request.js';
import type { FetchedBlob } from './types.js';

const OK = 200;
const NOT_FOUND = 404;

/** Which part of a blob is wanted. */
export interface BlobCall extends CallOptions {
  readonly offset?: number | undefined;
  readonly refreshes?: RefreshBudget | undefined;
}

/**
 * A blob from an offset, or from the start when the registry cannot serve, or serves wrongly, what was asked for. What
 * the descriptor brings along itself is not asked for.
 */
export async function fetchBlob(
  context: ClientContext,
  ref: ImageReference,
  blob: Descriptor,
  call: BlobCall,
): Promise<FetchedBlob> {
  const { offset = 0, signal, refreshes } = call;
  checkOffset(offset);
  signal?.throwIfAborted();
  const embedded = embeddedContent(blob, context.createHasher);
  if (embedded !== undefined) return { offset, content: once(embedded.subarray(offset)) };
  const { session } = context;
  const url = blobUrl(session, ref, blob.digest);
  const followed = await session.send({ method: 'GET', ref, url, headers: rangeFrom(offset), signal, refreshes });
  if (followed.response.status === NOT_FOUND && context.foreignLayers && isForeign(blob)) {
    await followed.response.discard();
    return fetchForeign(session, blob, { offset, signal });
  }
  const part = await takePart(followed, blob, offset);
  if (part !== undefined) return part;
  if (!isRangeRefused(followed, offset)) throw await session.failure(followed);
  await followed.response.discard();
  return fetchBlob(context, ref, blob, { signal, refreshes });
}

/** Whether a repository has a blob. */
export async function hasBlob(
  { session }: ClientContext,
  ref: ImageReference,
  blob: Descriptor,
  { signal, actions }: CallOptions & { readonly actions?: RepositoryActions | undefined },
): Promise<boolean> {
  const url = blobUrl(session, ref, blob.digest);
  const followed = await session.send({ method: 'HEAD', ref, url, signal, actions });
  const { response, shown } = followed;
  if (response.status !== OK && response.status !== NOT_FOUND) throw await session.failure(followed);
  await response.discard();
  if (response.status === NOT_FOUND) return false;
  const size = isEncoded(response) ? blob.size : (lengthOf(followed) ?? blob.size);
  if (size === blob.size) return true;
  throw new ContentMismatchError(`Cannot use ${shown}: it has ${size} bytes and should have ${blob.size}`, {
    expected: blob,
    actual: { digest: undefined, size },
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (bytes.length > 0) yield bytes;
}

function checkOffset(offset: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0) return;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot read a blob from ${offset}: it must be a whole number from 0`);
}
