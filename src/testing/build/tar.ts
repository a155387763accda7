import { ImageError } from '../../errors/index.js';
import { quote } from '../../internal/index.js';

const BLOCK = 512;

/** A regular file of an archive. */
export interface TarFile {
  readonly path: string;
  readonly content: Uint8Array;
}

/**
 * Writes a POSIX ustar archive: the files in the order given, each directory before the first file in it. Owner, mode
 * and time are fixed, so equal files give equal bytes.
 */
export function writeTar(files: readonly TarFile[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const directories = new Set<string>();
  for (const { path, content } of files) {
    checkPath(path);
    for (const directory of parentsOf(path)) {
      if (!directories.has(directory)) parts.push(header(directory, 0, '5'));
      directories.add(directory);
    }
    parts.push(header(path, content.length, '0'), content, new Uint8Array(padding(content.length)));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return Buffer.concat(parts);
}

/** A test image must not hold what an unpacker would refuse; who wants that builds the bytes. */
function checkPath(path: string): void {
  const parts = path.split('/');
  if (path.includes('\0') || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new ImageError('ERR_OPTION_INVALID', `Cannot write layer file ${quote(path)}: the path must be relative`);
  }
}

function parentsOf(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, at) => `${parts.slice(0, at + 1).join('/')}/`);
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function header(path: string, size: number, type: '0' | '5'): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  const { name, prefix } = splitPath(path);
  block.write(name, 0);
  block.write(type === '5' ? '0000755\0' : '0000644\0', 100);
  block.write('0000000\0'.repeat(2), 108);
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  block.write(type, 156);
  block.write('ustar\x0000', 257);
  block.write(prefix, 345);
  // The checksum counts its own field as spaces.
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** The name field holds 100 bytes; a longer path is cut at a slash, and its head goes into the prefix field. */
function splitPath(path: string): { readonly name: string; readonly prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' };
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (name !== '' && Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return { name, prefix };
  }
  throw new ImageError('ERR_OPTION_INVALID', `Cannot write layer file ${quote(path)}: the path is too long for ustar`);
}
