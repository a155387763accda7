import { createByteBuffer } from './byte-buffer.js';

/** The first bytes of a body, at most `limit`; the rest is given up, so that nobody can fill memory. */
export async function collectBytes(source: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const collected = createByteBuffer(limit);
  for await (const chunk of source) {
    collected.add(chunk);
    if (collected.full) break;
  }
  return collected.take();
}
