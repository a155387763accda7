export interface TarEntry {
  readonly path: string;
  readonly type: string;
  readonly mode: number;
  readonly size: number;
  readonly content: Uint8Array;
}

/** Reads a ustar archive strictly: magic, checksum, padding and the end must all be right. */
export function readTar(tar: Uint8Array): readonly TarEntry[] {
  const bytes = Buffer.from(tar);
  const entries: TarEntry[] = [];
  let at = 0;
  for (; bytes.readUInt8(at) !== 0; at += 512) {
    const header = bytes.subarray(at, at + 512);
    const text = (from: number, length: number): string =>
      header.toString('utf8', from, from + length).replace(/\0.*$/s, '');
    const sum = header.reduce((total, byte, place) => total + (place >= 148 && place < 156 ? 0x20 : byte), 0);
    if (header.toString('latin1', 257, 265) !== 'ustar\x0000') throw new Error(`No ustar header at ${at}`);
    if (Number.parseInt(text(148, 8), 8) !== sum) throw new Error(`Wrong checksum at ${at}`);
    const size = Number.parseInt(text(124, 12), 8);
    const prefix = text(345, 155);
    const path = prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
    const content = bytes.subarray(at + 512, at + 512 + size);
    entries.push({ path, type: text(156, 1), mode: Number.parseInt(text(100, 8), 8), size, content });
    const end = at + 512 + Math.ceil(size / 512) * 512;
    if (bytes.subarray(at + 512 + size, end).some((byte) => byte !== 0)) throw new Error(`Padding after ${path}`);
    at = end - 512;
  }
  if (bytes.length - at !== 1024 || bytes.subarray(at).some((byte) => byte !== 0)) throw new Error('No proper end');
  return entries;
}
