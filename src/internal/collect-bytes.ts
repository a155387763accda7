/** The first bytes of a body, at most `limit`; the rest is given up, so that nobody can fill memory. */
export async function collectBytes(source: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const bytes: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    bytes.push(chunk.slice(0, limit - length));
    length += chunk.length;
    if (length >= limit) break;
  }
  return joinBytes(bytes);
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
