import { ImageError } from '../errors/index.js';
import { redactUrl } from '../internal/index.js';
import type { TransportResponse } from './transport.js';

/** Reads at most `limit` bytes of a body and gives the rest up; a server cannot fill memory. */
export async function readUpTo({ body }: TransportResponse, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk.slice());
    length += chunk.length;
    if (length >= limit) break;
  }
  const bytes = new Uint8Array(Math.min(length, limit));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk.subarray(0, bytes.length - at), at);
    at += Math.min(chunk.length, bytes.length - at);
  }
  return bytes;
}

/**
 * Reads a document whole.
 *
 * @throws {@link ImageError} `ERR_REGISTRY_DOCUMENT` when it is larger than `limit`
 */
export async function readDocument(response: TransportResponse, limit: number, url: string): Promise<Uint8Array> {
  const bytes = await readUpTo(response, limit + 1);
  if (bytes.length <= limit) return bytes;
  throw new ImageError('ERR_REGISTRY_DOCUMENT', `Cannot read ${redactUrl(url)}: it has more than ${limit} bytes`);
}

/** Refuses bodies that are compressed for the transfer: their bytes are not those of the digest, and may be a bomb. */
export async function refuseEncoding(response: TransportResponse, url: string): Promise<void> {
  const encodings = response.headers.get('content-encoding') ?? [];
  if (encodings.every((encoding) => encoding.toLowerCase() === 'identity')) return;
  await response.discard();
  throw new ImageError(
    'ERR_REGISTRY_DOCUMENT',
    `Cannot read ${redactUrl(url)}: it came with a Content-Encoding that was not asked for`,
  );
}
