import { ImageError } from '../../errors/index.js';
import { type ByteBuffer, createByteBuffer } from '../../internal/index.js';
import type { FollowedResponse, TransportResponse } from './transport.js';

/**
 * Reads at most `limit` bytes of a body, for no longer than `until`, and gives the rest up. What came before that, or
 * before a failure, counts.
 */
export async function readWhatComes(
  response: TransportResponse,
  limit: number,
  until: Promise<unknown>,
): Promise<Uint8Array> {
  const collected = createByteBuffer(limit);
  await Promise.race([collect(response, collected).catch(() => undefined), until]);
  return collected.take();
}

/**
 * Reads a document whole; a server cannot fill memory.
 *
 * @throws {@link ImageError} `ERR_REGISTRY_DOCUMENT` when it is larger than `limit`
 */
export async function readDocument({ response, shown }: FollowedResponse, limit: number): Promise<Uint8Array> {
  const collected = createByteBuffer(limit + 1);
  await collect(response, collected);
  if (!collected.full) return collected.take();
  throw unreadable(shown, `it has more than ${limit} bytes`);
}

/** Refuses bodies that are compressed for the transfer: their bytes are not those of the digest, and may be a bomb. */
export async function refuseEncoding({ response, shown }: FollowedResponse): Promise<void> {
  if (!isEncoded(response)) return;
  await response.discard();
  throw unreadable(shown, 'it came with a Content-Encoding that was not asked for');
}

/** Whether a body is compressed for the transfer, or says so. */
export function isEncoded({ headers }: Pick<TransportResponse, 'headers'>): boolean {
  const encodings = headers.get('content-encoding') ?? [];
  return encodings.some((encoding) => encoding !== '' && encoding.toLowerCase() !== 'identity');
}

/** The error for a document of a registry or token server that cannot be what it should be. */
export function unreadable(shown: string, because: string): ImageError<'ERR_REGISTRY_DOCUMENT'> {
  return new ImageError('ERR_REGISTRY_DOCUMENT', `Cannot read ${shown}: ${because}`);
}

async function collect({ body }: TransportResponse, collected: ByteBuffer): Promise<void> {
  for await (const chunk of body) {
    collected.add(chunk);
    if (collected.full) break;
  }
}
