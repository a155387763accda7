import type { Descriptor } from '../oci/index.js';
import { refuseEncoding } from './read-body.js';
import type { FollowedResponse } from './redirects.js';
import type { FetchedBlob } from './types.js';

const OK = 200;
const PARTIAL = 206;
const RANGE_NOT_SATISFIABLE = 416;

/** The header that asks for a blob from an offset. */
export function rangeFrom(offset: number): Readonly<Record<string, string>> {
  return offset === 0 ? {} : { range: `bytes=${offset}-` };
}

/** The content of an answer that is what was asked for, or all of the blob; `undefined` for any other answer. */
export async function takePart(
  followed: FollowedResponse,
  blob: Descriptor,
  offset: number,
): Promise<FetchedBlob | undefined> {
  const { status, headers, body } = followed.response;
  const whole = status === OK;
  const range = `bytes ${offset}-${blob.size - 1}/${blob.size}`;
  if (!whole && (status !== PARTIAL || offset === 0 || headers.get('content-range')?.[0] !== range)) return undefined;
  await refuseEncoding(followed);
  return { offset: whole ? 0 : offset, content: body };
}

/** Whether an answer is about the range only, so that the whole may still be had. */
export function isRangeRefused({ response }: FollowedResponse, offset: number): boolean {
  return offset > 0 && (response.status === PARTIAL || response.status === RANGE_NOT_SATISFIABLE);
}
