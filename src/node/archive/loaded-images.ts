import { ImageError, StoreError } from '../../errors/index.js';
import { reasonOf } from '../../errors/inner.js';
import { quote } from '../../internal/index.js';
import {
  DEFAULT_DOCUMENT_LIMITS,
  type Descriptor,
  isImageConfigMediaType,
  isManifestMediaType,
  normalizeMediaType,
  parseImageConfig,
  parseImageManifest,
  type Platform,
} from '../../oci/index.js';
import { formatPlatform, selectManifest } from '../../platform/index.js';
import { checkLabel } from '../../platform/inner.js';
import {
  checkStoreName,
  type ContentStore,
  type CopiedContent,
  copyContent,
  type CopyContentOptions,
  type ImageStore,
  readContent,
  type SelectManifests,
} from '../../store/index.js';
import type { LoadArchiveOptions, LoadedImage } from './load-types.js';
import type { ArchivedImage, ArchivedImages } from './loaded-oci.js';
import type { OpenArchive } from './open-archive.js';
import { badArchive } from './tar-cursor.js';

type Source = Pick<ContentStore, 'has' | 'read'>;

/** An image whose content is known to be whole. */
interface WholeImage {
  readonly archived: Descriptor;
  readonly root: Descriptor;
  readonly names: readonly string[];
  readonly platforms: readonly Platform[];
}

/** Copies the images into a store, and names them. Everything is looked at before the first byte is written. */
export async function storeImages(
  archive: OpenArchive,
  { images, made }: ArchivedImages,
  store: ImageStore,
  options: LoadArchiveOptions,
): Promise<readonly LoadedImage[]> {
  const { createHasher, signal, onEvent, platform } = options;
  const source = sourceOf(archive, made);
  const copying: CopyContentOptions = { select: selectFrom(archive, platform), createHasher, signal };
  const whole: WholeImage[] = [];
  for (const image of renamed(images, options.as)) whole.push(await checkImage(source, image, copying));
  checkNames(whole);
  for (const image of whole) checkPlatform(image, options);
  const loaded: LoadedImage[] = [];
  for (const { archived, names, platforms } of whole) {
    loaded.push({ names, platforms, ...(await copyContent(source, archived, store, { ...copying, onEvent })) });
  }
  for (const { names, root } of loaded) for (const name of names) await store.tag(name, root, { signal });
  return loaded;
}

function renamed(images: readonly ArchivedImage[], as: string | undefined): readonly ArchivedImage[] {
  const [image] = images;
  if (image === undefined) throw badArchive('it has no images');
  if (as === undefined) return images;
  if (images.length === 1) return [{ ...image, names: [as] }];
  const reason = `it has ${images.length} images, which cannot all be ${quote(as)}`;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot load the archive: ${reason}`);
}

/** The archive as a store. */
function sourceOf(archive: OpenArchive, made: ArchivedImages['made']): Source {
  return {
    has: async ({ digest, size }) => (made.get(digest)?.length ?? archive.holding(digest)?.size) === size,
    async *read({ digest }, { signal } = {}) {
      const bytes = made.get(digest);
      const file = archive.holding(digest);
      if (bytes !== undefined) yield bytes;
      else if (file !== undefined) yield* archive.read(file, signal);
    },
  };
}

/** Of an index, what is in the archive: all of it, an index of some, or the only one in its place. */
function selectFrom(archive: OpenArchive, platform: Platform | undefined): SelectManifests {
  return (index) => {
    const there = index.manifests.filter(({ digest }) => archive.holding(digest) !== undefined);
    const [first] = there;
    if (first === undefined && index.manifests.length > 0) throw badArchive('it has no image of an index');
    if (platform !== undefined) return selectManifest({ ...index, manifests: there }, platform);
    return first !== undefined && there.length === 1 && index.manifests.length > 1 ? first : there;
  };
}

async function checkImage(
  source: Source,
  { root: archived, names }: ArchivedImage,
  copying: CopyContentOptions,
): Promise<WholeImage> {
  const { root, contents } = await planCopy(source, archived, copying);
  const own = names.length > 0 ? [...new Set(names)] : [root.digest];
  return { archived, root, names: own, platforms: await platformsOf(source, contents, copying) };
}

/** What a copy would bring, if all of it is there: a copy into a store that has everything writes nothing. */
async function planCopy(source: Source, archived: Descriptor, copying: CopyContentOptions): Promise<CopiedContent> {
  const full: ContentStore = {
    has: async () => true,
    read: (descriptor, call) => source.read(descriptor, call),
    ingest: () => Promise.reject(badArchive('nothing is to be written yet')),
  };
  try {
    return await copyContent(source, archived, full, copying);
  } catch (error) {
    if (!(error instanceof StoreError) || error.operation !== 'copy') throw error;
    throw badArchive(reasonOf(error).replace('the store', 'it'), error);
  }
}

async function platformsOf(
  source: Source,
  contents: readonly Descriptor[],
  { signal }: CopyContentOptions,
): Promise<readonly Platform[]> {
  const platforms = new Map<string, Platform>();
  const read = (descriptor: Descriptor): Promise<Uint8Array> =>
    readContent(source, descriptor, { maxBytes: DEFAULT_DOCUMENT_LIMITS.maxBytes, signal });
  for (const descriptor of contents) {
    const mediaType = normalizeMediaType(descriptor.mediaType);
    if (!isManifestMediaType(mediaType)) continue;
    const { config } = parseImageManifest(await read(descriptor), { mediaType });
    if (!isImageConfigMediaType(normalizeMediaType(config.mediaType))) continue;
    const { platform } = parseImageConfig(await read(config));
    // An attestation is for no platform.
    if (platform !== undefined && platform.os !== 'unknown') platforms.set(formatPlatform(platform), platform);
  }
  return [...platforms.values()];
}

/** An image without index says itself what it is for. */
function checkPlatform(
  { archived, root, names, platforms: [label] }: WholeImage,
  { platform: wanted, strictPlatform: strict, onEvent }: LoadArchiveOptions,
): void {
  if (wanted === undefined || archived.digest !== root.digest) return;
  const platform = checkLabel(label, { wanted, strict, action: `Cannot load ${quote(names[0] ?? root.digest)}` });
  if (platform !== undefined) onEvent?.({ type: 'platform', descriptor: root, wanted, platform });
}

/** A name is one that a store takes, and stands for one image. */
function checkNames(images: readonly WholeImage[]): void {
  const owners = new Map<string, string>();
  for (const { names, root } of images) {
    for (const name of names) {
      if (!isStoreName(name)) throw badArchive(`${quote(name)} in it is no name`);
      if ((owners.get(name) ?? root.digest) !== root.digest) throw badArchive(`${quote(name)} in it is two images`);
      owners.set(name, root.digest);
    }
  }
}

function isStoreName(name: string): boolean {
  try {
    return checkStoreName(name) === name;
  } catch (error) {
    if (error instanceof ImageError) return false;
    throw error;
  }
}
