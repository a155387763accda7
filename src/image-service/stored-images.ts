import type { CallOptions } from '../clock/index.js';
import { ImageError } from '../errors/index.js';
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

const IMAGE_ID = /^sha256:[0-9a-f]{64}$/;

/** An image by name, or by id where the store can be listed. */
export async function findImage(
  store: ImageStore | ManagedStore,
  image: string,
  options?: CallOptions,
): Promise<StoredImage | undefined> {
  if (!IMAGE_ID.test(image)) return readNamed(store, formatStoreName(image), options);
  if (!('names' in store)) return undefined;
  return (await listStoredImages(store, options)).find(({ id }) => id === image);
}

/** All images, each once. Names that do not lead to an image of one platform are passed over. */
export async function listStoredImages(store: ManagedStore, options?: CallOptions): Promise<readonly StoredImage[]> {
  const images = new Map<string, StoredImage>();
  for (const name of await store.names(options)) {
    const image = await readNamed(store, name, options);
    if (image !== undefined) images.set(image.id, join(images.get(image.id), image));
  }
  return [...images.values()];
}

/** What images take together; content that several have counts once. */
export function contentBytes(images: readonly StoredImage[]): number {
  const sizes = new Map(images.flatMap(({ contents }) => contents.map(({ digest, size }) => [digest, size] as const)));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

export function managedStore(store: ImageStore | ManagedStore, verb: string): ManagedStore {
  if ('names' in store) return store;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot ${verb}: the store cannot be listed`);
}

async function readNamed(
  store: ImageStore,
  name: string,
  options: CallOptions | undefined,
): Promise<StoredImage | undefined> {
  const target = await store.resolve(name, options);
  if (target === undefined || !(await store.has(target, options))) return undefined;
  const bytes = await readContent(store, target, { maxBytes: DEFAULT_DOCUMENT_LIMITS.maxBytes, ...options });
  const manifest = readManifest(bytes, target.mediaType);
  if (manifest === undefined) return undefined;
  const { config, layers } = manifest;
  const contents = [target, config, ...layers];
  const size = contents.reduce((sum, content) => sum + content.size, 0);
  return { id: config.digest, names: [name], contents, size, ...repoNames(name, target) };
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
function repoNames(name: string, { digest }: Descriptor): Pick<StoredImage, 'repoTags' | 'repoDigests'> {
  const parsed = safeParseReference(name);
  if (!parsed.ok) return { repoTags: [], repoDigests: [] };
  const { name: repository, tag } = parsed.value;
  return {
    repoTags: tag === undefined ? [] : [`${repository}:${tag}`],
    repoDigests: [`${repository}@${digest}`],
  };
}

function join(known: StoredImage | undefined, image: StoredImage): StoredImage {
  if (known === undefined) return image;
  const both = (a: readonly string[], b: readonly string[]): readonly string[] => [...new Set([...a, ...b])];
  return {
    ...known,
    names: both(known.names, image.names),
    repoTags: both(known.repoTags, image.repoTags),
    repoDigests: both(known.repoDigests, image.repoDigests),
  };
}
