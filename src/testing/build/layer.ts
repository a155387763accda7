import { createCipheriv, createHash } from 'node:crypto';
import type { Digest } from '../../digest/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { type BuiltContent, describeBytes, sha256 } from './content.js';
import { gzipStored } from './gzip.js';
import { MEDIA_TYPES, type MediaTypeFamily } from './media-types.js';
import { type TarFile, writeTar } from './tar.js';

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
  /** @defaultValue `'gzip'` */
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
  /** @defaultValue `'gzip'` */
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
