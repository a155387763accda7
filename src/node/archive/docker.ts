import { type Digest, getDigestHex } from '../../digest/index.js';
import { ImageError } from '../../errors/index.js';
import { encodeUtf8, quote } from '../../internal/index.js';
import {
  DEFAULT_DOCUMENT_LIMITS,
  type Descriptor,
  isImageConfigMediaType,
  normalizeMediaType,
  parseImageConfig,
} from '../../oci/index.js';
import { formatReference, parseDockerReference, safeParseReference } from '../../reference/index.js';
import { type ContentStore, readContent } from '../../store/index.js';
import { withAbort } from '../../store/inner.js';
import { nodeHasher } from '../hasher.js';
import { readHostPlatform } from '../host-platform.js';
import { type LayerContext, layerFile, type NamedLayer } from './docker-layer.js';
import {
  checkArchive,
  checkPlatform,
  chooseManifest,
  type ChosenManifest,
  contentsOf,
  findImages,
  type NamedImage,
  reportContent,
  reportPlan,
  verifiedSource,
} from './images.js';
import { writeToSink } from './sink.js';
import { packTar, type TarFile } from './tar.js';
import {
  type ArchiveFileOptions,
  type ArchiveImage,
  type ArchiveSink,
  type ArchiveSource,
  DEFAULT_MAX_UNPACKED_BYTES,
  type DockerArchiveOptions,
} from './types.js';

/**
 * Writes images to a `docker-archive`: the tar file of `docker save`, which `docker load`, `skopeo`, `podman load` and
 * `ctr image import` read.
 *
 * The format has the images of one platform each, and no manifests: config and image ID stay, and the digest of the
 * manifest is lost. Use {@link writeOciArchive} where digests matter. Names that are full references with a tag become
 * tags in the archive; an image under another name, such as one with a digest, has no tag there. Content is verified
 * while it is written, and shared layers are written once. Equal images in equal order give equal archives.
 *
 * @param store - where the images are
 * @param images - their names; with `as`, a reference with a tag that the archive gives the image
 * @param sink - a path or a stream
 * @param options - see {@link DockerArchiveOptions}; `platform` defaults to that of this machine for an index
 * @returns the size of the archive
 * @throws {@link StoreError} when a name is not in the store, content is missing, or reading or writing failed
 * @throws {@link ContentMismatchError} when content of the store is not what its descriptor says
 * @throws {@link PlatformNotFoundError} when there is no image for the platform
 * @throws {@link InvalidReferenceError} for an `as` that is no reference
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for no images, an `as` without tag, one name for two images, and what
 * the format has no place for: artifacts, and zstd where Node cannot unpack it; `ERR_REGISTRY_DOCUMENT` when config and
 * layers do not fit together
 * @example
 * ```ts
 * import { openOciLayout, writeDockerArchive } from 'kubepull/node';
 *
 * const store = await openOciLayout('./layout');
 * await writeDockerArchive(store, ['registry.example.com/app:1'], './app.tar', {
 *   platform: { os: 'linux', architecture: 'arm64' },
 * });
 * ```
 * @see https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md
 * @public
 */
export async function writeDockerArchive(
  store: ArchiveSource,
  images: readonly ArchiveImage[],
  sink: ArchiveSink,
  options: DockerArchiveOptions & ArchiveFileOptions = {},
): Promise<number> {
  return writeToSink(sink, streamDockerArchive(store, images, options), options);
}

/**
 * Gives the bytes of what {@link writeDockerArchive} writes, made while they are read: for an HTTP answer, a pipe or a
 * hash.
 *
 * The archive is whole and verified when the loop ends without an error. Before that it lacks its end, so that readers
 * of tar can tell.
 *
 * @param store - where the images are
 * @param images - their names
 * @param options - see {@link DockerArchiveOptions}
 * @returns the archive in chunks; they stay as they are, and must not be changed
 * @throws the errors of {@link writeDockerArchive}
 * @example
 * ```ts
 * import { spawn } from 'node:child_process';
 * import { pipeline } from 'node:stream/promises';
 * import { openOciLayout, streamDockerArchive } from 'kubepull/node';
 *
 * const store = await openOciLayout('./layout');
 * const load = spawn('docker', ['load'], { stdio: ['pipe', 'inherit', 'inherit'] });
 * await pipeline(streamDockerArchive(store, ['registry.example.com/app:1']), load.stdin);
 * ```
 * @public
 */
export function streamDockerArchive(
  store: ArchiveSource,
  images: readonly ArchiveImage[],
  options: DockerArchiveOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  checkArchive(store, images, options);
  return withAbort(chunksOf(store, images, options), options.signal);
}

async function* chunksOf(
  store: ArchiveSource,
  images: readonly ArchiveImage[],
  options: DockerArchiveOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { createHasher = nodeHasher, maxUnpackedBytes = DEFAULT_MAX_UNPACKED_BYTES, signal, onEvent } = options;
  checkOptions(maxUnpackedBytes, options);
  const source = verifiedSource(store, createHasher);
  const found = await readDockerImages(source, await findImages(store, images, options), options);
  const context = { source, createHasher, options, maxBytes: maxUnpackedBytes };
  const { manifest, files } = await filesOf(context, found);
  reportPlan(archivedContents(found), onEvent);
  const document = encodeUtf8(JSON.stringify(manifest));
  yield* packTar([{ name: 'manifest.json', size: document.length, open: () => [document] }, ...files], signal);
}

/** What `manifest.json` says, and the files that it names, each once. */
async function filesOf(
  context: LayerContext,
  images: readonly DockerImage[],
): Promise<{ readonly manifest: readonly object[]; readonly files: readonly TarFile[] }> {
  const files = new Map<string, TarFile>();
  const add = (file: TarFile): string => {
    if (!files.has(file.name)) files.set(file.name, file);
    return file.name;
  };
  const layerNames = new Map<string, string>();
  const addLayer = async (layer: NamedLayer): Promise<string> => {
    // One layer under two diff IDs must be looked at under both: at most one of them is right.
    const key = `${layer.descriptor.digest} ${layer.diffId}`;
    const name = layerNames.get(key) ?? add(await layerFile(context, layer));
    layerNames.set(key, name);
    return name;
  };
  const manifest: object[] = [];
  for (const { config, tags, layers } of images) {
    const Config = add(configFile(context, config));
    const Layers: string[] = [];
    for (const layer of layers) Layers.push(await addLayer(layer));
    manifest.push({ Config, RepoTags: tags, Layers });
  }
  return { manifest, files: [...files.values()] };
}

function configFile({ source, options: { signal, onEvent } }: LayerContext, config: Descriptor): TarFile {
  return {
    name: `${getDigestHex(config.digest)}.json`,
    size: config.size,
    open: () => reportContent(source.read(config, { signal }), config, onEvent),
  };
}

function archivedContents(images: readonly DockerImage[]): readonly Descriptor[] {
  const all = images.flatMap(({ config, layers }) => [config, ...layers.map(({ descriptor }) => descriptor)]);
  return [...new Map(all.map((descriptor) => [descriptor.digest, descriptor])).values()];
}

function checkOptions(maxUnpackedBytes: number, { layers = 'stored' }: DockerArchiveOptions): void {
  if (!Number.isSafeInteger(maxUnpackedBytes) || maxUnpackedBytes < 0) {
    const reason = 'it must be a whole number from 0';
    throw new ImageError(
      'ERR_OPTION_INVALID',
      `Cannot write an archive with maxUnpackedBytes ${maxUnpackedBytes}: ${reason}`,
    );
  }
  if (layers === 'stored' || layers === 'unpacked') return;
  throw new ImageError(
    'ERR_OPTION_INVALID',
    `Cannot write an archive with layers ${quote(String(layers))}: stored or unpacked`,
  );
}

/** One image of the archive; it may have several names. */
interface DockerImage {
  readonly config: Descriptor;
  readonly tags: readonly string[];
  /** From the lowest up; a layer may be there twice. */
  readonly layers: readonly NamedLayer[];
}

type Source = Pick<ContentStore, 'has' | 'read'>;

/** Reads what the archive needs to know of each image. Names of one image come together. */
async function readDockerImages(
  source: Source,
  images: readonly NamedImage[],
  options: DockerArchiveOptions,
): Promise<readonly DockerImage[]> {
  const found = new Map<Digest, DockerImage>();
  const tagged = new Map<string, Digest>();
  for (const image of images) {
    const tag = tagOf(image);
    const chosen = await choose(source, image, options);
    const { digest } = chosen.descriptor;
    const known = found.get(digest) ?? (await readImage(source, image.name, chosen, options));
    const isNew = tag !== undefined && !tagged.has(tag);
    if (tag !== undefined && !isNew && tagged.get(tag) !== digest) throw twice(tag);
    if (isNew) tagged.set(tag, digest);
    found.set(digest, { ...known, tags: isNew ? [...known.tags, tag] : known.tags });
  }
  return [...found.values()];
}

/** The tag that an image gets, if its name is one. */
function tagOf({ as, renamed }: NamedImage): string | undefined {
  if (!renamed && !safeParseReference(as).ok) return undefined;
  const ref = parseDockerReference(as);
  const name = formatReference(ref);
  if (ref.tag !== undefined && (renamed || name === as)) return name;
  if (!renamed) return undefined;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot name an image ${quote(as)} in a docker-archive: it has no tag`);
}

function twice(tag: string): ImageError {
  return new ImageError('ERR_OPTION_INVALID', `Cannot name two images ${quote(tag)} in a docker-archive`);
}

async function choose(
  source: Source,
  image: NamedImage,
  { platform, ...options }: DockerArchiveOptions,
): Promise<ChosenManifest> {
  const chosen = await chooseManifest(source, image, platform ?? readHostPlatform(), options);
  if (platform !== undefined) await checkPlatform(source, image, chosen, { ...options, platform });
  return chosen;
}

async function readImage(
  source: Source,
  name: string,
  { descriptor, manifest: { config, layers } }: ChosenManifest,
  { signal }: DockerArchiveOptions,
): Promise<DockerImage> {
  if (!isImageConfigMediaType(normalizeMediaType(config.mediaType))) {
    throw unfit('ERR_OPTION_INVALID', name, `its config is ${quote(config.mediaType)}, which is no image's`);
  }
  await contentsOf(source, name, descriptor, { signal });
  const { maxBytes } = DEFAULT_DOCUMENT_LIMITS;
  const { diffIds } = parseImageConfig(await readContent(source, config, { maxBytes, signal }));
  const named = layers.flatMap((layer, place) => {
    const diffId = diffIds[place];
    return diffId === undefined ? [] : [{ image: name, descriptor: layer, diffId }];
  });
  if (diffIds.length === layers.length) return { config, tags: [], layers: named };
  const reason = `its config names ${diffIds.length} layers, and its manifest ${layers.length}`;
  throw unfit('ERR_REGISTRY_DOCUMENT', name, reason);
}

function unfit(code: 'ERR_OPTION_INVALID' | 'ERR_REGISTRY_DOCUMENT', name: string, reason: string): ImageError {
  return new ImageError(code, `Cannot write ${quote(name)} to a docker-archive: ${reason}`);
}
