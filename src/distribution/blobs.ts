import type { CallOptions } from '../clock/index.js';
import { ImageError } from '../errors/index.js';
import type { Descriptor } from '../oci/index.js';
import type { ImageReference } from '../reference/index.js';
import { refuseEncoding } from './read-body.js';
import { blobUrl } from './request-url.js';
import type { Session } from './session.js';
import type { FetchedBlob } from './types.js';

const OK = 200;
const PARTIAL = 206;
const RANGE_NOT_SATISFIABLE = 416;

/** A blob from an offset, or from the start when the registry cannot serve, or serves wrongly, what was asked for. */
export async function fetchBlob(
  session: Session,
  ref: ImageReference,
  blob: Descriptor,
  { offset = 0, signal }: CallOptions & { readonly offset?: number | undefined },
): Promise<FetchedBlob> {
  checkOffset(offset);
  const url = blobUrl(session.origin, ref, blob.digest);
  const range = offset === 0 ? {} : { range: `bytes=${offset}-` };
  const followed = await session.send({ method: 'GET', ref, url, headers: range, signal });
  const { status, headers, body } = followed.response;
  if (status === OK) {
    await refuseEncoding(followed);
    return { offset: 0, content: body };
  }
  if (offset === 0 || (status !== PARTIAL && status !== RANGE_NOT_SATISFIABLE)) throw await session.failure(followed);
  if (status === PARTIAL && headers.get('content-range')?.[0] === `bytes ${offset}-${blob.size - 1}/${blob.size}`) {
    await refuseEncoding(followed);
    return { offset, content: body };
  }
  await followed.response.discard();
  return fetchBlob(session, ref, blob, { signal });
}

function checkOffset(offset: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0) return;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot read a blob from ${offset}: it must be a whole number from 0`);
}
