import { createCipheriv, createHash } from 'node:crypto';
import type { Digest } from '../../digest/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { type BuiltContent, describeBytes, sha256 } from './content.js';
import { MEDIA_TYPES, type MediaTypeFamily } from './media-types.js';
import { crc32 } from 'node:zlib';
import { ImageError } from '../../errors/index.js';
import { quote } from '../../internal/index.js';

/**
 * What a layer holds: files by path, or one file of random bytes.
 *
 * @public
 */
export type LayerOptions = FilesLayer | RandomLayer;

/**
 * A layer of given files. Their directories come by themselves.
 *
 * @public
 */
export interface FilesLayer {
  /** Content by relative path, such as `etc/motd`. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** How the archive is stored; `gzip` is a gzip stream that does not compress. @defaultValue `'gzip'` */
  readonly compression?: 'gzip' | 'none' | undefined;
}

/**
 * A layer of about the given size that does not compress: for progress, ranges and cuts.
 *
 * @public
 */
export interface RandomLayer {
  /** Size of the one file in it. */
  readonly randomBytes: number;
  /**
   * Equal seeds give equal bytes.
   *
   * @defaultValue the layer's place in the image
   */
  readonly seed?: string | undefined;
  /** How the archive is stored; `gzip` is a gzip stream that does not compress. @defaultValue `'gzip'` */
  readonly compression?: 'gzip' | 'none' | undefined;
}

/** A layer, and the digest of its archive before compression. */
export interface BuiltLayer extends BuiltContent {
  readonly diffId: Digest;
}

export function buildLayer(layer: LayerOptions, place: number, family: MediaTypeFamily): BuiltLayer {
  const compression = is.optional(is.oneOf('gzip', 'none'));
  if ('files' in layer)
    check<FilesLayer>('Cannot build a layer', layer, { files: is.recordOf(is.either(is.text, is.bytes)), compression });
  else {
    const seed = is.optional(is.text);
    check<RandomLayer>('Cannot build a layer', layer, { randomBytes: is.wholeFrom(0), seed, compression });
  }
  const tar = writeTar('files' in layer ? givenFiles(layer) : [randomFile(layer, place)]);
  const types = MEDIA_TYPES[family];
  const content =
    layer.compression === 'none' ? describeBytes(types.layer, tar) : describeBytes(types.gzipLayer, gzipStored(tar));
  return { ...content, diffId: sha256(tar) };
}

function givenFiles({ files }: FilesLayer): readonly TarFile[] {
  const encoder = new TextEncoder();
  return Object.entries(files).map(([path, content]) => ({
    path,
    content: typeof content === 'string' ? encoder.encode(content) : content,
  }));
}

function randomFile(layer: RandomLayer, place: number): TarFile {
  const { randomBytes, seed = String(place) } = layer;
  return { path: 'random', content: randomContent(randomBytes, seed) };
}

/** The key stream of a cipher is the fastest random source that a seed can repeat. */
function randomContent(size: number, seed: string): Uint8Array {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

const MAX_STORED = 0xffff;

/** No flags, no time, "unknown" as system: nothing of this machine. */
const HEADER: readonly number[] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/**
 * A gzip stream of stored blocks. Compressed bytes differ between releases of zlib, and so between releases of Node;
 * these do not, so an image has the same digest everywhere.
 */
function gzipStored(bytes: Uint8Array): Uint8Array {
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
function writeTar(files: readonly TarFile[]): Uint8Array {
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
