import { crc32 } from 'node:zlib';

const MAX_STORED = 0xffff;

/** No flags, no time, "unknown" as system: nothing of this machine. */
const HEADER: readonly number[] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/**
 * A gzip stream of stored blocks. Compressed bytes differ between releases of zlib, and so between releases of Node;
 * these do not, so an image has the same digest everywhere.
 */
export function gzipStored(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.from(HEADER)];
  for (let at = 0; at === 0 || at < bytes.length; at += MAX_STORED) {
    const block = bytes.subarray(at, at + MAX_STORED);
    parts.push(blockHeader(block.length, at + MAX_STORED >= bytes.length), block);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(bytes), 0);
  trailer.writeUInt32LE(bytes.length % 2 ** 32, 4);
  return Buffer.concat([...parts, trailer]);
}

function blockHeader(length: number, last: boolean): Uint8Array {
  const header = Buffer.alloc(5);
  header.writeUInt8(last ? 1 : 0, 0);
  header.writeUInt16LE(length, 1);
  header.writeUInt16LE(MAX_STORED - length, 3);
  return header;
}
