import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { copyBytes } from '../files/copy-bytes.js';

/** How a layer is packed, by its first bytes: the media type may say something else, and importers look here. */
export type Packing = 'none' | 'gzip' | 'zstd';

const MAGIC: readonly (readonly [Packing, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

/** Looks at the start of content, and reads no more of it. */
export async function packingOf(content: AsyncIterable<Uint8Array>): Promise<Packing> {
  const start: number[] = [];
  for await (const chunk of content) {
    start.push(...chunk.subarray(0, 4 - start.length));
    if (start.length === 4) break;
  }
  return packingOfStart(start);
}

/** Content that can be read only once, and how it is packed. */
export async function peekPacking(
  content: AsyncIterable<Uint8Array>,
): Promise<{ readonly packing: Packing; readonly content: AsyncIterable<Uint8Array> }> {
  const source = content[Symbol.asyncIterator]();
  const start: Uint8Array[] = [];
  for (let length = 0; length < 4;) {
    const { done, value } = await source.next();
    if (done === true) break;
    start.push(copyBytes(value));
    length += value.length;
  }
  async function* whole(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* start;
    yield* { [Symbol.asyncIterator]: () => source };
  }
  return { packing: packingOfStart(Buffer.concat(start)), content: whole() };
}

function packingOfStart(start: ArrayLike<number>): Packing {
  const found = MAGIC.find(([, magic]) => magic.every((byte, place) => start[place] === byte));
  return found?.[0] ?? 'none';
}

/** Node has zstd from 22.15 and 23.8 on. */
export function canUnpack(packing: Packing): boolean {
  return packing !== 'zstd' || zstd() !== undefined;
}

function zstd(): (() => Transform) | undefined {
  return (zlib as { readonly createZstdDecompress?: () => Transform }).createZstdDecompress;
}

/** Packed content as it was before; the content itself if it is not packed. */
export function unpack(content: AsyncIterable<Uint8Array>, packing: Packing): AsyncIterable<Uint8Array> {
  if (packing === 'none') return content;
  const decoder = packing === 'gzip' ? zlib.createGunzip() : zstd()?.();
  if (decoder === undefined) throw new TypeError('No decoder');
  return decode(content, decoder);
}

async function* decode(
  content: AsyncIterable<Uint8Array>,
  decoder: Transform,
): AsyncGenerator<Uint8Array, void, undefined> {
  let failure: { readonly error: unknown } | undefined;
  // The error that comes first counts: of the content, which may be corrupt or aborted, or of the decoder.
  const feeding = pipeline(Readable.from(copies(content)), decoder).catch((error: unknown) => {
    failure ??= { error };
  });
  try {
    yield* decoder as AsyncIterable<Uint8Array>;
  } catch (error) {
    await feeding;
    throw failure?.error ?? error;
  } finally {
    decoder.destroy();
    await feeding;
  }
}

/** The decoder works behind the reader's back, and a store may reuse its buffer for the next chunk. */
async function* copies(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of content) yield copyBytes(chunk);
}
