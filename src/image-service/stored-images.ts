import type { CallOptions } from '../clock/index.js';
import { getDigestAlgorithm, isDigest } from '../digest/index.js';
import { ImageError, StoreError } from '../errors/index.js';
import { DEFAULT_DOCUMENT_LIMITS, type Descriptor, type ImageManifest, parseManifest } from '../oci/index.js';
import { formatStoreName } from '../puller/index.js';
import { safeParseReference } from '../reference/index.js';
import { type ImageStore, type ManagedStore, readContent } from '../store/index.js';
import { STORED_LIMITS } from '../store/inner.js';

/** An image in a store, under all its names. */
export interface StoredImage {
  /** The digest of its config. */
  readonly id: string;
  readonly names: readonly string[];
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  /** Manifest, config and layers. */
  readonly contents: readonly Pick<Descriptor, 'digest' | 'size'>[];
  readonly size: number;
}

/**
 * What was read of the images that were in a store when it was listed last. Under its digest content never changes, so it
 * has to be there, and need not be understood again.
 */
export interface KnownImages {
  of(target: Descriptor): ReadImage | undefined;
  replace(images: Iterable<readonly [Descriptor, ReadImage | undefined]>): void;
}

/** Descriptors that are kept of all images together, so that memory is bounded: about 20 MiB. */
const MAX_KNOWN_CONTENTS = 131_072;

export function createKnownImages(): KnownImages {
  let known: ReadonlyMap<string, ReadImage> = new Map();
  return {
    of: (target) => known.get(keyOf(target)),
    replace(images) {
      const next = new Map<string, ReadImage>();
      let room = MAX_KNOWN_CONTENTS;
      for (const [target, image] of images) {
        if (image === undefined || image.contents.length > room) continue;
        room -= image.contents.length;
        next.set(keyOf(target), image);
      }
      known = next;
    },
  };
}

/** A store, and what is known of the images in it. */
export interface ImageSource<Store extends ImageStore = ImageStore | ManagedStore> {
  readonly store: Store;
  readonly known: KnownImages;
}

/** An image by name, or by id where the store can be listed. */
export async function findImage(
  source: ImageSource,
  image: string,
  options?: CallOptions,
): Promise<StoredImage | undefined> {
  if (isDigest(image)) {
    const found = isManaged(source) ? await findById(source, image, options) : undefined;
    // The id of a config of another algorithm reads as a name, too.
    if (found !== undefined || getDigestAlgorithm(image) === 'sha256') return found;
  }
  const name = formatStoreName(image);
  const target = await source.store.resolve(name, options);
  const read = target === undefined ? undefined : await readImage(source, target, options);
  return target === undefined || read === undefined ? undefined : toStoredImage([[name, target]], read);
}

/** The same, under all the names that the store has for it. */
export async function findWithAllNames(
  source: ImageSource<ManagedStore>,
  image: string,
  options?: CallOptions,
): Promise<StoredImage | undefined> {
  const found = await findImage(source, image, options);
  if (found === undefined || found.id === image) return found;
  return (await findById(source, found.id, options)) ?? found;
}

async function findById(
  source: ImageSource<ManagedStore>,
  id: string,
  options?: CallOptions,
): Promise<StoredImage | undefined> {
  return (await listStoredImages(source, options)).find((image) => image.id === id);
}

/** Names that are looked up, and manifests that are read, at once: a disk is not kept waiting, and memory stays small. */
const AT_ONCE = 16;

/**
 * All images, each once. Names that do not lead to an image of one platform are passed over. However many names lead to a
 * manifest, it is read once.
 */
export async function listStoredImages(
  source: ImageSource<ManagedStore>,
  options?: CallOptions,
): Promise<readonly StoredImage[]> {
  const { store, known } = source;
  const names = await store.names(options);
  const targets = await mapInOrder(names, async (name) => store.resolve(name, options));
  const wanted = new Map(targets.flatMap((target) => (target === undefined ? [] : [[keyOf(target), target] as const])));
  const read = await mapInOrder([...wanted.values()], async (target) => readImage(source, target, options));
  const images = new Map([...wanted.keys()].map((key, place) => [key, read[place]] as const));
  known.replace([...wanted.values()].map((target, place) => [target, read[place]]));
  const found = new Map<string, { readonly image: ReadImage; readonly named: [string, Descriptor][] }>();
  for (const [place, name] of names.entries()) {
    const target = targets[place];
    const image = target === undefined ? undefined : images.get(keyOf(target));
    if (target === undefined || image === undefined) continue;
    const known = found.get(image.id);
    if (known === undefined) found.set(image.id, { image, named: [[name, target]] });
    else known.named.push([name, target]);
  }
  return [...found.values()].map(({ image, named }) => toStoredImage(named, image));
}

/** What decides how content is read. */
function keyOf({ digest, size, mediaType }: Descriptor): string {
  return `${digest} ${size} ${mediaType}`;
}

/** Does something for each, some at a time; the first failure ends it. */
async function mapInOrder<T, R>(list: readonly T[], action: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  // All workers take from one generator, which is closed, for all, when one of them fails.
  const entries = entriesOf(list);
  const work = async (): Promise<void> => {
    for (const [place, item] of entries) results[place] = await action(item);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, list.length) }, work));
  return results;
}

function* entriesOf<T>(list: readonly T[]): Generator<[number, T], void, undefined> {
  yield* list.entries();
}

/** What images take together; content that several have counts once. */
export function contentBytes(images: readonly StoredImage[]): number {
  const sizes = new Map(images.flatMap(({ contents }) => contents.map(({ digest, size }) => [digest, size] as const)));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

function isManaged(source: ImageSource): source is ImageSource<ManagedStore> {
  return 'names' in source.store;
}

/** @throws ImageError for a store that cannot be listed */
export function managedSource(source: ImageSource, verb: string): ImageSource<ManagedStore> {
  if (isManaged(source)) return source;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot ${verb}: the store cannot be listed`);
}

/** What a manifest says of an image, whatever it is called. */
type ReadImage = Pick<StoredImage, 'id' | 'contents' | 'size'>;

async function readImage(
  { store, known }: ImageSource,
  target: Descriptor,
  options: CallOptions | undefined,
): Promise<ReadImage | undefined> {
  const bytes = await readIfThere(store, target, options);
  const before = bytes === undefined ? undefined : known.of(target);
  if (before !== undefined) return before;
  const manifest = bytes === undefined ? undefined : readManifest(bytes, target.mediaType);
  if (manifest === undefined) return undefined;
  const contents = [target, manifest.config, ...manifest.layers].map(({ digest, size }) => ({ digest, size }));
  return { id: manifest.config.digest, contents, size: contents.reduce((sum, content) => sum + content.size, 0) };
}

/** It is asked whether content is there only if it cannot be read: a layout spares from then on what was asked for. */
async function readIfThere(
  store: ImageStore,
  target: Descriptor,
  options: CallOptions | undefined,
): Promise<Uint8Array | undefined> {
  try {
    return await readContent(store, target, { maxBytes: DEFAULT_DOCUMENT_LIMITS.maxBytes, ...options });
  } catch (error) {
    if (error instanceof StoreError && !(await store.has(target, options))) return undefined;
    throw error;
  }
}

/** `undefined` for whatever is no image manifest: who lists images has no use for it. */
function readManifest(bytes: Uint8Array, mediaType: string): ImageManifest | undefined {
  try {
    const parsed = parseManifest(bytes, { mediaType, limits: STORED_LIMITS });
    return parsed.kind === 'manifest' ? parsed.manifest : undefined;
  } catch {
    return undefined;
  }
}

/** CRI names an image by its tags and by its digests; a name in the store has one or the other. */
function toStoredImage(named: readonly (readonly [string, Descriptor])[], image: ReadImage): StoredImage {
  const [repoTags, repoDigests] = [new Set<string>(), new Set<string>()];
  for (const [name, { digest }] of named) {
    const parsed = safeParseReference(name);
    if (!parsed.ok) continue;
    const { name: repository, tag } = parsed.value;
    if (tag !== undefined) repoTags.add(`${repository}:${tag}`);
    repoDigests.add(`${repository}@${digest}`);
  }
  return { ...image, names: named.map(([name]) => name), repoTags: [...repoTags], repoDigests: [...repoDigests] };
}
