import type { CallOptions } from '../../clock/index.js';
import { RequestRefusedError, TransportError } from '../../errors/index.js';
import type { Descriptor } from '../../oci/index.js';
import { type BlobRange, isRangeRefused, rangeHeader, takePart } from './blob-range.js';
import type { FollowedResponse } from '../transport/transport.js';
import type { Session } from '../session/session.js';
import type { FetchedBlob } from './types.js';

/** URLs of one layer that are tried. */
const MAX_URLS = 8;

/** Whether an image names other places for a blob than the registry. */
export function isForeign({ urls = [] }: Descriptor): boolean {
  return urls.length > 0;
}

/**
 * A blob from the URLs that the image names, the first that gives it. They are no part of the registry: they get no
 * credential, and may not lead into a network that the registry does not stand in.
 *
 * @throws the error of the last URL
 */
export async function fetchForeign(
  session: Session,
  blob: Descriptor,
  { range, signal }: CallOptions & { readonly range: BlobRange },
): Promise<FetchedBlob> {
  let failure: unknown;
  for (const url of blob.urls?.slice(0, MAX_URLS) ?? []) {
    try {
      return await fetchFrom(session, url, blob, { range, signal });
    } catch (error) {
      signal?.throwIfAborted();
      failure = error;
    }
  }
  throw failure ?? new RequestRefusedError('Cannot fetch a layer: it names no URL', { url: '', rule: 'no-url' });
}

async function fetchFrom(
  session: Session,
  url: string,
  blob: Descriptor,
  { range, signal }: CallOptions & { readonly range: BlobRange },
): Promise<FetchedBlob> {
  const followed = await session.sendForeign({ url, headers: rangeHeader(blob, range), signal });
  const part = await takePart(followed, blob, range);
  if (part !== undefined) return part;
  await followed.response.discard();
  if (!isRangeRefused(followed, blob, range)) throw cannotFetch(followed);
  return fetchFrom(session, url, blob, { range: { offset: 0, end: blob.size }, signal });
}

/** Not the registry's answer: what it says of credentials is not about those for the registry. */
function cannotFetch({ response, shown }: FollowedResponse): TransportError {
  return new TransportError(`Cannot GET ${shown}: ${response.status}`, {
    method: 'GET',
    url: shown,
    phase: 'headers',
    retryable: false,
  });
}
