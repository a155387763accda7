import { ImageError } from '../errors/index.js';
import type { FollowedResponse } from './redirects.js';
import type { TransportResponse } from './transport.js';

/** Room for most documents. */
const FIRST_BYTES = 16 * 1024;

/**
 * Reads at most `limit` bytes of a body, for no longer than `until`, and gives the rest up. What came before that, or
 * before a failure, counts.
 */
export async function readWhatComes(
  response: TransportResponse,
  limit: number,
  until: Promise<unknown>,
): Promise<Uint8Array> {
  const collected = createBuffer(limit);
  await Promise.race([collect(response, collected).catch(() => undefined), until]);
  return collected.take();
}

/**
 * Reads a document whole; a server cannot fill memory.
 *
 * @throws {@link ImageError} `ERR_REGISTRY_DOCUMENT` when it is larger than `limit`
 */
export async function readDocument({ response, shown }: FollowedResponse, limit: number): Promise<Uint8Array> {
  const collected = createBuffer(limit + 1);
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

/** Bytes, one behind the other: whoever sends them one by one must not fill memory with chunks. */
interface ByteBuffer {
  /** Whether there is no room for another byte. */
  readonly full: boolean;
  /** Takes what there is room for. */
  add(chunk: Uint8Array): void;
  take(): Uint8Array;
}

function createBuffer(limit: number): ByteBuffer {
  let bytes = new Uint8Array(Math.min(limit, FIRST_BYTES));
  let length = 0;
  const grow = (needed: number): void => {
    if (needed <= bytes.length) return;
    const larger = new Uint8Array(Math.min(limit, Math.max(needed, bytes.length * 2)));
    larger.set(bytes);
    bytes = larger;
  };
  return {
    get full() {
      return length === limit;
    },
    add(chunk) {
      const part = chunk.subarray(0, limit - length);
      grow(length + part.length);
      bytes.set(part, length);
      length += part.length;
    },
    take: () => bytes.slice(0, length),
  };
}

async function collect({ body }: TransportResponse, collected: ByteBuffer): Promise<void> {
  for await (const chunk of body) {
    collected.add(chunk);
    if (collected.full) break;
  }
}
