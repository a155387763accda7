import type { IncomingMessage } from 'node:http';

const MAX_DOCUMENT = 4 * 1024 * 1024;
const MAX_UPLOAD = 256 * 1024 * 1024;

/** The body of a request; `undefined` when it has none, `'too large'` above 4 MiB, and above 256 MiB for an upload. */
export async function readBody(message: IncomingMessage): Promise<Uint8Array | 'too large' | undefined> {
  const limit = message.url?.includes('/blobs/uploads/') === true ? MAX_UPLOAD : MAX_DOCUMENT;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
  }
  if (size > limit) return 'too large';
  return size === 0 ? undefined : Buffer.concat(chunks);
}
