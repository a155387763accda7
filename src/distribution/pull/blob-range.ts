import { ImageError } from '../../errors/index.js';
import type { Descriptor } from '../../oci/index.js';
import { refuseEncoding } from '../transport/read-body.js';
import type { FollowedResponse } from '../transport/transport.js';
import type { FetchedBlob } from './types.js';

const OK = 200;
const PARTIAL = 206;
const RANGE_NOT_SATISFIABLE = 416;

/** A part of a blob; `end` is behind its last byte. */
export interface BlobRange {
  readonly offset: number;
  readonly end: number;
}

/**
 * The part of a blob that a call wants; from the start, and to the end of the blob, when it says nothing else.
 *
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when there is no such part
 */
export function rangeOf(
  { size }: Descriptor,
  { offset = 0, end = size }: { readonly offset?: number | undefined; readonly end?: number | undefined },
): BlobRange {
  const refuse = (because: string): ImageError => new ImageError('ERR_OPTION_INVALID', `Cannot read a blob ${because}`);
  if (!Number.isSafeInteger(offset) || offset < 0) throw refuse(`from ${offset}: it must be a whole number from 0`);
  if (end !== size && (!Number.isSafeInteger(end) || end <= offset || end > size))
    throw refuse(`up to ${end}: it must be a whole number above ${offset}, and not above the size ${size}`);
  return { offset, end };
}

/** The header that asks for a part of a blob. A part up to the end is asked for as such, as every registry knows it. */
export function rangeHeader(blob: Descriptor, range: BlobRange): Readonly<Record<string, string>> {
  if (!isPart(blob, range)) return {};
  const { offset, end } = range;
  return { range: `bytes=${offset}-${end === blob.size ? '' : end - 1}` };
}

/** The content of an answer that is what was asked for, or all of the blob; `undefined` for any other answer. */
export async function takePart(
  followed: FollowedResponse,
  blob: Descriptor,
  range: BlobRange,
): Promise<FetchedBlob | undefined> {
  const { status, headers, body } = followed.response;
  const whole = status === OK;
  const wanted = `bytes ${range.offset}-${range.end - 1}/${blob.size}`;
  const exact = status === PARTIAL && isPart(blob, range) && headers.get('content-range')?.[0] === wanted;
  if (!whole && !exact) return undefined;
  await refuseEncoding(followed);
  return whole ? { offset: 0, end: blob.size, content: body } : { ...range, content: body };
}

/** Whether an answer is about the range only, so that the whole may still be had. */
export function isRangeRefused({ response }: FollowedResponse, blob: Descriptor, range: BlobRange): boolean {
  return isPart(blob, range) && (response.status === PARTIAL || response.status === RANGE_NOT_SATISFIABLE);
}

function isPart({ size }: Descriptor, { offset, end }: BlobRange): boolean {
  return offset > 0 || end < size;
}
