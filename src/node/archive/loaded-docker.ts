import { type Digest, computeDigest, getDigestAlgorithm } from '../../digest/index.js';
import { ContentMismatchError, isImageError } from '../../errors/index.js';
import { decodeUtf8, type JsonNode, memberOf, quote, readJson } from '../../internal/index.js';
import { type Descriptor, encodeManifest, MEDIA_TYPES, parseImageConfig } from '../../oci/index.js';
import { formatReference, parseDockerReference, safeParseReference } from '../../reference/index.js';
import { LAYOUT_INDEX_LIMITS } from '../layout/layout-index.js';
import { type ArchivedImage, type ArchivedImages, readArchived } from './loaded-oci.js';
import type { ArchivedFile, OpenArchive, OpenArchiveOptions } from './open-archive.js';
import { canUnpack, type Packing, packingOf, unpack } from './packing.js';
import { badArchive } from './tar-cursor.js';

/** Layers of one image, and images of one archive. */
const MAX_ITEMS = 1024;

const LAYER_TYPES: Readonly<Record<Packing, string>> = {
  none: MEDIA_TYPES.ociLayer,
  gzip: MEDIA_TYPES.ociLayerGzip,
  zstd: MEDIA_TYPES.ociLayerZstd,
};

type Options = Pick<OpenArchiveOptions, 'createHasher' | 'maxBytes' | 'signal'>;

/** What `manifest.json` says of an image. */
interface DockerEntry {
  readonly config: string;
  readonly tags: readonly string[];
  readonly layers: readonly string[];
}

/**
 * The images of a `docker-archive`; `undefined` when it is none. The format has no manifests, so each image gets one: an OCI
 * manifest of config and layers, which stay as they are. Equal images get equal manifests.
 */
export async function readDockerImages(archive: OpenArchive, options: Options): Promise<ArchivedImages | undefined> {
  const index = archive.find('manifest.json');
  if (index === undefined) return undefined;
  const images = new Map<Digest, ArchivedImage>();
  const made = new Map<string, Uint8Array>();
  const layerOf = createLayerReader(archive, options);
  for (const entry of parseEntries(await readArchived(archive, index, options.signal))) {
    const { bytes, root } = await readImage(archive, entry, options, layerOf);
    made.set(root.digest, bytes);
    const known = images.get(root.digest)?.names ?? [];
    images.set(root.digest, { root, names: [...known, ...entry.tags.flatMap(nameOf)] });
  }
  return { images: [...images.values()], made };
}

async function readImage(
  archive: OpenArchive,
  { config: configName, layers }: DockerEntry,
  { createHasher, signal }: Options,
  layerOf: LayerReader,
): Promise<{ readonly bytes: Uint8Array; readonly root: Descriptor }> {
  const file = fileOf(archive, configName);
  const { diffIds, platform } = parseImageConfig(await readArchived(archive, file, signal));
  if (diffIds.length !== layers.length) {
    const reason = `its config names ${diffIds.length} layers, and manifest.json ${layers.length}`;
    throw badArchive(`${quote(configName)} does not fit: ${reason}`);
  }
  const descriptors: Descriptor[] = [];
  for (const [place, name] of layers.entries()) {
    descriptors.push(await layerOf(fileOf(archive, name), diffIds[place] as Digest));
  }
  const mediaType = MEDIA_TYPES.ociManifest;
  const config = { mediaType: MEDIA_TYPES.ociConfig, digest: file.digest, size: file.size };
  const bytes = encodeManifest({ schemaVersion: 2, mediaType, config, layers: descriptors });
  const root = { mediaType, digest: computeDigest(bytes, createHasher), size: bytes.length };
  return { bytes, root: platform === undefined ? root : { ...root, platform } };
}

function fileOf(archive: OpenArchive, name: string): ArchivedFile {
  const file = archive.find(name);
  if (file === undefined) throw badArchive(`it lacks ${quote(name)}`);
  // Whoever writes an archive names a config by its digest.
  const [, hex] = /^([0-9a-f]{64})\.json$/.exec(file.name) ?? [];
  if (hex === undefined || file.digest === `sha256:${hex}`) return file;
  throw badArchive(`${quote(file.name)} has the digest ${file.digest}`);
}

type LayerReader = (file: ArchivedFile, diffId: Digest) => Promise<Descriptor>;

/** Finds out what layers are, each once, and that they are what the config says. */
function createLayerReader(archive: OpenArchive, options: Options): LayerReader {
  const known = new Map<string, Descriptor>();
  return async (file, diffId) => {
    const key = `${file.digest} ${diffId}`;
    const descriptor = known.get(key) ?? (await readLayer(archive, file, diffId, options));
    known.set(key, descriptor);
    return descriptor;
  };
}

async function readLayer(
  archive: OpenArchive,
  file: ArchivedFile,
  diffId: Digest,
  options: Options,
): Promise<Descriptor> {
  const packing = await packingOf(archive.read(file, options.signal));
  const mediaType = LAYER_TYPES[packing];
  // Where Node has no decoder, the layer stays what the archive says; unpackers will look at it.
  if (canUnpack(packing)) await checkDiffId(archive, { file, packing, diffId }, options);
  return { mediaType, digest: file.digest, size: file.size };
}

interface PackedLayer {
  readonly file: ArchivedFile;
  readonly packing: Packing;
  readonly diffId: Digest;
}

async function checkDiffId(archive: OpenArchive, layer: PackedLayer, options: Options): Promise<void> {
  const { file, packing, diffId } = layer;
  const hasRightHash = packing === 'none' && getDigestAlgorithm(file.digest) === getDigestAlgorithm(diffId);
  const digest = hasRightHash ? file.digest : await unpackedDigest(archive, layer, options);
  if (digest === diffId) return;
  throw new ContentMismatchError(
    `Cannot load the archive: ${quote(file.name)} unpacks to ${digest}, and the config says ${diffId}`,
    {
      expected: { mediaType: MEDIA_TYPES.ociLayer, digest: diffId, size: file.size },
      actual: { digest, size: file.size },
    },
  );
}

async function unpackedDigest(
  archive: OpenArchive,
  { file, packing, diffId }: PackedLayer,
  { createHasher, maxBytes, signal }: Options,
): Promise<Digest> {
  const hasher = createHasher(getDigestAlgorithm(diffId));
  let size = 0;
  try {
    for await (const chunk of unpack(archive.read(file, signal), packing)) {
      size += chunk.length;
      if (size > maxBytes) throw badArchive(`${quote(file.name)} unpacks to more than ${maxBytes} bytes`);
      hasher.update(chunk);
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (isImageError(error)) throw error;
    throw badArchive(`${quote(file.name)} is corrupt ${packing}`, error);
  }
  return hasher.digest();
}

/** The name that a store has for a tag; `docker save` shortens them. An image without a tag has none. */
function nameOf(tag: string): readonly string[] {
  if (tag === '<none>:<none>') return [];
  if (safeParseReference(tag).ok) return [formatReference(parseDockerReference(tag))];
  throw badArchive(`its tag ${quote(tag)} is no reference`);
}

function parseEntries(bytes: Uint8Array): readonly DockerEntry[] {
  const { maxValues } = LAYOUT_INDEX_LIMITS;
  const result = readJson(decodeUtf8(bytes), { maxValues });
  if (!result.ok) throw badArchive('its manifest.json is no JSON, or too large');
  return itemsOf(result.node, 'manifest.json').map((item) => ({
    config: textOf(memberOf(item, 'Config'), 'Config'),
    tags: itemsOf(memberOf(item, 'RepoTags'), 'RepoTags').map((tag) => textOf(tag, 'RepoTags')),
    layers: itemsOf(memberOf(item, 'Layers'), 'Layers').map((layer) => textOf(layer, 'Layers')),
  }));
}

/** A list; Go reads what is null or missing as an empty one. */
function itemsOf(node: JsonNode | undefined, what: string): readonly JsonNode[] {
  if (node === undefined || node.kind === 'null') return [];
  if (node.kind !== 'array') throw badArchive(`${what} of it is no list`);
  if (node.items.length <= MAX_ITEMS) return node.items;
  throw badArchive(`${what} of it has ${node.items.length} entries, more than ${MAX_ITEMS}`);
}

function textOf(node: JsonNode | undefined, what: string): string {
  if (node?.kind === 'string') return node.value;
  throw badArchive(`${what} of its manifest.json is no text`);
}
