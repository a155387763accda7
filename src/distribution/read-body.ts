import { ImageError } from '../errors/index.js';
import type { FollowedResponse } from './redirects.js';
import type { TransportResponse } from './transport.js';

/**
 * Reads at most `limit` bytes of a body, for no longer than `until`, and gives the rest up. What came before that, or
 * before a failure, counts.
 */
export async function readWhatComes(
  response: TransportResponse,
  limit: number,
  until: Promise<unknown>,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  await Promise.race([collect(response, limit, chunks).catch(() => undefined), until]);
  return join(chunks, limit);
}

/**
 * Reads a document whole; a server cannot fill memory.
 *
 * @throws {@link ImageError} `ERR_REGISTRY_DOCUMENT` when it is larger than `limit`
 */
export async function readDocument({ response, shown }: FollowedResponse, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const length = await collect(response, limit + 1, chunks);
  if (length <= limit) return join(chunks, limit);
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

/** Returns how many bytes came; the last chunk may go beyond the limit. */
async function collect({ body }: TransportResponse, limit: number, chunks: Uint8Array[]): Promise<number> {
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk.slice());
    length += chunk.length;
    if (length >= limit) break;
  }
  return length;
}

function join(chunks: readonly Uint8Array[], limit: number): Uint8Array {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const bytes = new Uint8Array(Math.min(length, limit));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk.subarray(0, bytes.length - at), at);
    at += Math.min(chunk.length, bytes.length - at);
  }
  return bytes;
}
