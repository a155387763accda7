import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { type CreateHasher, type Digest, getDigestAlgorithm, getDigestHex } from '../../digest/index.js';
import { ContentMismatchError, ImageError, isImageError } from '../../errors/index.js';
import { printable, quote } from '../../internal/index.js';
import { type Descriptor, classifyLayer, MEDIA_TYPES, normalizeMediaType } from '../../oci/index.js';
import { type ContentStore, verifyContent } from '../../store/index.js';
import { copyBytes } from '../files/copy-bytes.js';
import { cannotArchive, reportContent } from './images.js';
import type { TarFile } from './tar.js';
import type { DockerArchiveOptions } from './types.js';

/** A layer, and what the config says it unpacks to. */
export interface NamedLayer {
  /** The image that has it. */
  readonly image: string;
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

/** What the files of one archive share. */
export interface LayerContext {
  readonly source: Pick<ContentStore, 'read'>;
  readonly createHasher: CreateHasher;
  readonly options: DockerArchiveOptions;
  readonly maxBytes: number;
}

/** The file of a layer. Its name is a digest, so that equal layers are one file. */
export async function layerFile(context: LayerContext, layer: NamedLayer): Promise<TarFile> {
  const { source, options } = context;
  const { image, descriptor, diffId } = layer;
  const { signal, onEvent } = options;
  checkKind(layer);
  const packing = await packingOf(source.read(descriptor, { signal }));
  if (packing !== 'zstd' && (options.layers !== 'unpacked' || packing === 'none')) {
    return {
      name: `${getDigestHex(descriptor.digest)}.tar${packing === 'gzip' ? '.gz' : ''}`,
      size: descriptor.size,
      open: () => reportContent(source.read(descriptor, { signal }), descriptor, onEvent),
    };
  }
  if (!canUnpack(packing)) {
    const reason = `layer ${descriptor.digest} is ${packing}, which only Node 22.15 or newer unpacks; an oci-archive takes it as it is`;
    throw new ImageError('ERR_OPTION_INVALID', `Cannot write ${quote(image)} to a docker-archive: ${reason}`);
  }
  const unpacked = await measure(context, layer, packing);
  return {
    name: `${getDigestHex(diffId)}.tar`,
    size: unpacked.size,
    open: () => {
      const stored = reportContent(source.read(descriptor, { signal }), descriptor, onEvent);
      return verifyContent(unpack(stored, packing), unpacked, context.createHasher);
    },
  };
}

function checkKind({ image, descriptor: { digest, mediaType } }: NamedLayer): void {
  if (classifyLayer(normalizeMediaType(mediaType)) !== undefined) return;
  const reason = `${digest} is ${quote(mediaType)}, which is no layer of files`;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot write ${quote(image)} to a docker-archive: ${reason}`);
}

/** A tar archive tells sizes ahead, and how large a layer unpacks nobody else knows: so it is unpacked twice. */
async function measure(context: LayerContext, layer: NamedLayer, packing: Packing): Promise<Descriptor> {
  const { source, createHasher, options, maxBytes } = context;
  const { image, descriptor, diffId } = layer;
  const hasher = createHasher(getDigestAlgorithm(diffId));
  let size = 0;
  try {
    for await (const chunk of unpack(source.read(descriptor, { signal: options.signal }), packing)) {
      size += chunk.length;
      if (size > maxBytes)
        throw cannotArchive(image, `layer ${descriptor.digest} unpacks to more than ${maxBytes} bytes`);
      hasher.update(chunk);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (isImageError(error)) throw error;
    throw corrupt(layer, packing, error);
  }
  const expected = { mediaType: MEDIA_TYPES.ociLayer, digest: diffId, size };
  const digest = hasher.digest();
  if (digest === diffId) return expected;
  const reason = `layer ${descriptor.digest} unpacks to ${digest}, and the config says ${diffId}`;
  throw new ContentMismatchError(`Cannot write ${quote(image)} to a docker-archive: ${reason}`, {
    expected,
    actual: { digest, size },
  });
}

function corrupt({ image, descriptor }: NamedLayer, packing: Packing, cause: unknown): ImageError {
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
  const detail = code === undefined ? '' : ` (${printable(code, 32)})`;
  return new ImageError(
    'ERR_REGISTRY_DOCUMENT',
    `Cannot write ${quote(image)} to a docker-archive: layer ${descriptor.digest} is corrupt ${packing}${detail}`,
    { cause },
  );
}

/** How a layer is packed, by its first bytes: the media type may say something else, and importers look here. */
type Packing = 'none' | 'gzip' | 'zstd';

const MAGIC: readonly (readonly [Packing, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

/** Looks at the start of content, and reads no more of it. */
async function packingOf(content: AsyncIterable<Uint8Array>): Promise<Packing> {
  const start: number[] = [];
  for await (const chunk of content) {
    start.push(...chunk.subarray(0, 4 - start.length));
    if (start.length === 4) break;
  }
  const found = MAGIC.find(([, magic]) => magic.every((byte, place) => start[place] === byte));
  return found?.[0] ?? 'none';
}

/** Node has zstd from 22.15 and 23.8 on. */
function canUnpack(packing: Packing): boolean {
  return packing !== 'zstd' || zstd() !== undefined;
}

function zstd(): (() => Transform) | undefined {
  return (zlib as { readonly createZstdDecompress?: () => Transform }).createZstdDecompress;
}

/** Packed content as it was before; `undefined` for what this Node cannot unpack, and the content itself if unpacked. */
function unpack(content: AsyncIterable<Uint8Array>, packing: Packing): AsyncIterable<Uint8Array> {
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
