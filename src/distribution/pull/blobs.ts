import type { CallOptions } from '../../clock/index.js';
import { ContentMismatchError } from '../../errors/index.js';
import { type Descriptor, embeddedContent } from '../../oci/index.js';
import type { ImageReference } from '../../reference/index.js';
import { isRangeRefused, rangeHeader, rangeOf, takePart } from './blob-range.js';
import type { ClientContext } from '../session/context.js';
import { fetchForeign, isForeign } from './foreign.js';
import { isEncoded } from '../transport/read-body.js';
import { blobUrl } from '../session/request-url.js';
import { lengthOf } from '../response/headers.js';
import type { RefreshBudget, RepositoryActions } from '../session/repository-request.js';
import type { FetchedBlob } from './types.js';

const OK = 200;
const NOT_FOUND = 404;

/** Which part of a blob is wanted. */
export interface BlobCall extends CallOptions {
  readonly offset?: number | undefined;
  readonly end?: number | undefined;
  readonly refreshes?: RefreshBudget | undefined;
}

/**
 * A part of a blob, or all of it when the registry cannot serve, or serves wrongly, what was asked for. What the
 * descriptor brings along itself is not asked for.
 */
export async function fetchBlob(
  context: ClientContext,
  ref: ImageReference,
  blob: Descriptor,
  call: BlobCall,
): Promise<FetchedBlob> {
  const { signal, refreshes } = call;
  const range = rangeOf(blob, call);
  signal?.throwIfAborted();
  const embedded = embeddedContent(blob, context.createHasher);
  if (embedded !== undefined) return { ...range, content: once(embedded.subarray(range.offset, range.end)) };
  const { session } = context;
  const url = blobUrl(session, ref, blob.digest);
  const headers = rangeHeader(blob, range);
  const followed = await session.send({ method: 'GET', ref, url, headers, signal, refreshes });
  if (followed.response.status === NOT_FOUND && context.foreignLayers && isForeign(blob)) {
    await followed.response.discard();
    return fetchForeign(session, blob, { range, signal });
  }
  const part = await takePart(followed, blob, range);
  if (part !== undefined) return part;
  if (!isRangeRefused(followed, blob, range)) throw await session.failure(followed);
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
