import { type CreateHasher, type Digest, getDigestAlgorithm, getDigestHex } from '../../digest/index.js';
import { ContentMismatchError, ImageError, isImageError } from '../../errors/index.js';
import { printable, quote } from '../../internal/index.js';
import { type Descriptor, classifyLayer, MEDIA_TYPES, normalizeMediaType } from '../../oci/index.js';
import { type ContentStore, verifyContent } from '../../store/index.js';
import { cannotArchive, reportContent } from './images.js';
import { canUnpack, type Packing, packingOf, unpack } from './packing.js';
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
