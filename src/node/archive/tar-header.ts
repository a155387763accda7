import { decodeUtf8 } from '../../internal/index.js';
import { badArchive } from './tar-cursor.js';

/** A header of a tar archive, before longer names of the headers before it. */
export interface TarHeader {
  readonly name: string;
  /** One character; `0` also for the files of archives that are older than types. */
  readonly type: string;
  readonly size: number;
  /** Where a link leads. */
  readonly target: string;
}

/** Reads a header of 512 bytes whose checksum must be right. */
export function readTarHeader(block: Uint8Array): TarHeader {
  checkSum(block);
  const textOf = (from: number, length: number): string => {
    const bytes = block.subarray(from, from + length);
    const end = bytes.indexOf(0);
    return decodeUtf8(end < 0 ? bytes : bytes.subarray(0, end));
  };
  const isPosix = textOf(257, 6) === 'ustar' && block[262] === 0;
  const prefix = isPosix ? textOf(345, 155) : '';
  const name = textOf(0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    type: textOf(156, 1) === '' ? '0' : textOf(156, 1),
    size: numberOf(block.subarray(124, 136), 'a size'),
    target: textOf(157, 100),
  };
}

/** Writers of old summed signed bytes; both sums are known. */
function checkSum(block: Uint8Array): void {
  let [unsigned, signed] = [0, 0];
  for (let place = 0; place < block.length; place += 1) {
    const isSum = place >= 148 && place < 156;
    const counted = isSum ? 0x20 : (block[place] ?? 0);
    unsigned += counted;
    signed += counted > 127 ? counted - 256 : counted;
  }
  const sum = numberOf(block.subarray(148, 156), 'a checksum');
  if (sum !== unsigned && sum !== signed) throw badArchive('it is no tar archive, or corrupt: a checksum is wrong');
}

/** Octal digits, or, where the first bit is set, a binary number. */
function numberOf(bytes: Uint8Array, what: string): number {
  const [first = 0] = bytes;
  if (first >= 0x80) return binaryOf(bytes, what);
  const digits = decodeUtf8(bytes)
    .replace(/\0[^]*$/, '')
    .trim();
  if (digits === '') return 0;
  const value = /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw badArchive(`it is no tar archive, or corrupt: ${what} is no number`);
}

function binaryOf(bytes: Uint8Array, what: string): number {
  let value = 0;
  for (const byte of bytes.subarray(1)) value = value * 256 + byte;
  if (bytes[0] === 0x80 && Number.isSafeInteger(value)) return value;
  throw badArchive(`it is corrupt: ${what} is negative, or beyond all measure`);
}
