/** Room for most documents. */
const FIRST_BYTES = 16_384;

/** Bytes, one behind the other: whoever sends them one by one must not fill memory with chunks. */
export interface ByteBuffer {
  /** Whether there is no room for another byte. */
  readonly full: boolean;
  /** Takes what there is room for. */
  add(chunk: Uint8Array): void;
  take(): Uint8Array;
}

/** A buffer that grows with what comes, up to `limit` bytes. */
export function createByteBuffer(limit: number): ByteBuffer {
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
