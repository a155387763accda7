import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { type Digest, digestAlgorithm } from '../../digest/index.js';
import { printable } from '../../internal/index.js';
import { type Descriptor, layerKind, normalizeMediaType } from '../../oci/index.js';
import { copyBytes } from '../files/copy-bytes.js';
import { chunksOf } from './blob-file.js';
import type { Validation } from './validation.js';

/**
 * Unpacks layers and compares what is in them with what the config says, as unpackers do before they trust it. Nothing is
 * written, and no more than a chunk is in memory, however much a layer unpacks to.
 */
export async function checkDiffIds(
  validation: Validation,
  file: string,
  layers: readonly Descriptor[],
  diffIds: readonly Digest[],
  isThere: (layer: Descriptor) => boolean,
): Promise<void> {
  for (const [at, layer] of layers.entries()) {
    const [place, diffId] = [`${file}#layers[${at}]`, diffIds[at]];
    if (diffId !== undefined && isThere(layer)) await checkLayer(validation, place, layer, diffId);
  }
}

async function checkLayer(validation: Validation, place: string, layer: Descriptor, diffId: Digest): Promise<void> {
  const { findings, signal } = validation;
  const kind = layerKind(normalizeMediaType(layer.mediaType));
  if (kind === undefined) return;
  const unpacker = unpackerOf(kind.compression);
  if (unpacker === undefined) {
    findings.add('LAYER_UNCHECKED', place, `This version of Node does not unpack ${kind.compression}`);
    return;
  }
  try {
    const actual = await hashUnpacked(validation, layer, diffId, unpacker.stream);
    if (actual !== diffId) findings.add('DIFF_ID_MISMATCH', place, `Its content is ${actual}, and not ${diffId}`);
  } catch (error) {
    signal?.throwIfAborted();
    const reason = error instanceof Error ? printable(error.message) : 'no reason is given';
    findings.add('LAYER_INVALID', place, `It cannot be unpacked: ${reason}`);
  }
}

function unpackerOf(compression: 'none' | 'gzip' | 'zstd'): { readonly stream: Transform | undefined } | undefined {
  if (compression === 'none') return { stream: undefined };
  if (compression === 'gzip') return { stream: zlib.createGunzip() };
  // Node has it from 22.15 on.
  const create: unknown = Reflect.get(zlib, 'createZstdDecompress');
  return typeof create === 'function' ? { stream: Reflect.apply(create, zlib, []) as Transform } : undefined;
}

async function hashUnpacked(
  { fs, paths, createHasher, signal }: Validation,
  layer: Descriptor,
  diffId: Digest,
  unpacker: Transform | undefined,
): Promise<Digest> {
  const hasher = createHasher(digestAlgorithm(diffId));
  const hashAll = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const chunk of chunks) hasher.update(chunk);
  };
  const file = await fs.open(paths.blob(layer));
  try {
    // The unpacker reads a chunk when its turn comes, and by then the buffer may hold the next.
    const source = copiesOf(chunksOf(file, layer.size, signal));
    if (unpacker === undefined) await hashAll(source);
    else await pipeline(Readable.from(source), unpacker, hashAll);
  } finally {
    await file.close();
  }
  return hasher.digest();
}

async function* copiesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) yield copyBytes(chunk);
}
