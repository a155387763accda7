import { getDigestAlgorithm, getDigestHex } from '../../digest/index.js';
import { encodeUtf8 } from '../../internal/index.js';
import { type Descriptor, MEDIA_TYPES } from '../../oci/index.js';
import { formatReference, parseDockerReference, safeParseReference } from '../../reference/index.js';
import { checkStoreName, type ContentStore, pickTarget } from '../../store/index.js';
import { withAbort } from '../../store/inner.js';
import { nodeHasher } from '../hasher.js';
import { LAYOUT_MARKER } from '../layout/documents.js';
import {
  checkArchive,
  checkPlatform,
  chooseManifest,
  contentsOf,
  findImages,
  type NamedImage,
  reportContent,
  reportPlan,
  verifiedSource,
} from './images.js';
import { writeToSink } from './sink.js';
import { packTar, type TarFile } from './tar.js';
import type { ArchiveFileOptions, ArchiveImage, ArchiveOptions, ArchiveSink, ArchiveSource } from './types.js';

const REF_NAME = 'org.opencontainers.image.ref.name';
/** Where containerd, Docker and podman look for the full name first. */
const FULL_NAME = 'io.containerd.image.name';

/**
 * Writes images to an `oci-archive`: an OCI image layout in a tar file, which `skopeo`, `podman load` and
 * `ctr image import` read.
 *
 * Everything is written byte for byte, so all digests stay; an index comes with the images of all its platforms, unless
 * one is chosen. Content is verified while it is written, and shared content is written once. Equal images in equal order
 * give equal archives.
 *
 * @param store - where the images are
 * @param images - their names; a name in the archive is the one in the store unless another is given
 * @param sink - a path or a stream
 * @param options - see {@link ArchiveOptions}; `platform` puts the image of that platform in the place of an index
 * @returns the size of the archive
 * @throws {@link StoreError} when a name is not in the store, content is missing, or reading or writing failed
 * @throws {@link ContentMismatchError} when content of the store is not what its descriptor says
 * @throws {@link PlatformNotFoundError} when there is no image for `platform`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for no images, a name that is not plain text, or one name for two images
 * @example
 * ```ts
 * import { openOciLayout, writeOciArchive } from 'kubepull/node';
 *
 * const store = await openOciLayout('./layout');
 * await writeOciArchive(store, ['registry.example.com/app:1', 'registry.example.com/db:7'], './images.tar');
 * ```
 * @see Export in containerd core/images/archive/exporter.go
 * @public
 */
export async function writeOciArchive(
  store: ArchiveSource,
  images: readonly ArchiveImage[],
  sink: ArchiveSink,
  options: ArchiveOptions & ArchiveFileOptions = {},
): Promise<number> {
  return writeToSink(sink, streamOciArchive(store, images, options), options);
}

/**
 * Gives the bytes of what {@link writeOciArchive} writes, made while they are read: for an HTTP answer, a pipe or a hash.
 *
 * The archive is whole and verified when the loop ends without an error. Before that it lacks its end, so that readers
 * of tar can tell.
 *
 * @param store - where the images are
 * @param images - their names
 * @param options - see {@link ArchiveOptions}
 * @returns the archive in chunks; they stay as they are, and must not be changed
 * @throws the errors of {@link writeOciArchive}
 * @example
 * ```ts
 * import { Readable } from 'node:stream';
 * import { openOciLayout, streamOciArchive } from 'kubepull/node';
 *
 * const store = await openOciLayout('./layout');
 * Readable.from(streamOciArchive(store, ['registry.example.com/app:1'])).pipe(process.stdout);
 * ```
 * @public
 */
export function streamOciArchive(
  store: ArchiveSource,
  images: readonly ArchiveImage[],
  options: ArchiveOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  checkArchive(store, images, options);
  return withAbort(chunksOf(store, images, options), options.signal);
}

async function* chunksOf(
  store: ArchiveSource,
  images: readonly ArchiveImage[],
  options: ArchiveOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { createHasher = nodeHasher, signal, onEvent } = options;
  const source = verifiedSource(store, createHasher);
  const found = await findImages(store, images, options);
  const named: NamedImage[] = [];
  for (const image of found) named.push(await narrow(source, image, options));
  const contents = await allContents(source, named, options);
  reportPlan(contents, onEvent);
  const documents = [textFile('oci-layout', LAYOUT_MARKER), textFile('index.json', indexOf(named))];
  const blobs = contents.map((descriptor) => blobFile(source, descriptor, options));
  yield* packTar([...documents, ...directoriesOf(contents), ...blobs], signal);
}

async function narrow(
  source: Pick<ContentStore, 'read'>,
  image: NamedImage,
  { platform, ...options }: ArchiveOptions,
): Promise<NamedImage> {
  checkStoreName(image.as);
  if (platform === undefined) return image;
  const chosen = await chooseManifest(source, image, platform, options);
  await checkPlatform(source, image, chosen, { ...options, platform });
  return { ...image, root: chosen.descriptor };
}

async function allContents(
  source: Pick<ContentStore, 'has' | 'read'>,
  images: readonly NamedImage[],
  { signal }: ArchiveOptions,
): Promise<readonly Descriptor[]> {
  const contents = new Map<string, Descriptor>();
  for (const { name, root } of images) {
    for (const content of await contentsOf(source, name, root, { signal })) {
      if (!contents.has(content.digest)) contents.set(content.digest, content);
    }
  }
  return [...contents.values()];
}

function indexOf(images: readonly NamedImage[]): string {
  const manifests = images.map(({ as, root }) => ({
    ...pickTarget(root),
    annotations: { [REF_NAME]: as, ...(isFullReference(as) ? { [FULL_NAME]: as } : {}) },
  }));
  return JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests });
}

/** Whether importers may take a name as it is; what is not a full reference they would complete, each in its own way. */
function isFullReference(name: string): boolean {
  return safeParseReference(name).ok && formatReference(parseDockerReference(name)) === name;
}

function directoriesOf(contents: readonly Descriptor[]): readonly TarFile[] {
  const algorithms = new Set(contents.map(({ digest }) => `blobs/${getDigestAlgorithm(digest)}/`));
  return ['blobs/', ...[...algorithms].toSorted()].map((name) => ({ name, size: 0, open: () => [] }));
}

function blobFile(
  source: Pick<ContentStore, 'read'>,
  descriptor: Descriptor,
  { signal, onEvent }: ArchiveOptions,
): TarFile {
  const { digest, size } = descriptor;
  return {
    name: `blobs/${getDigestAlgorithm(digest)}/${getDigestHex(digest)}`,
    size,
    open: () => reportContent(source.read(descriptor, { signal }), descriptor, onEvent),
  };
}

function textFile(name: string, text: string): TarFile {
  const bytes = encodeUtf8(text);
  return { name, size: bytes.length, open: () => [bytes] };
}
