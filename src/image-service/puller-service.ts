import type { CallOptions } from '../clock/index.js';
import { createKeyring, type Keyring, type LookupResult } from '../keyring/index.js';
import type { DockerConfigEntry } from '../docker-config/index.js';
import { PullFailedError, ImageError } from '../errors/index.js';
import { check, type Kind } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { pullImage, type PullOptions, formatStoreName } from '../puller/index.js';
import { pullMembers } from '../puller/inner.js';
import { parseImageName, safeParseReference } from '../reference/index.js';
import { imageNameText } from '../reference/inner.js';
import { DEFAULT_GARBAGE_GRACE_MS, type ImageStore, type ManagedStore, readContent } from '../store/index.js';
import { imageSpecKind, orManaged, pullRequestKind } from './kinds.js';
import type { ImageService, ImageSpec, PullImageRequest, RuntimeImage } from './types.js';
import { DEFAULT_DOCUMENT_LIMITS, type Descriptor, type ImageManifest, parseManifest } from '../oci/index.js';
import { STORED_LIMITS } from '../store/inner.js';

/**
 * How images are pulled into a store, and looked after there.
 *
 * @public
 */
export interface PullerImageServiceOptions extends Omit<PullOptions, 'store' | 'keyring' | 'credential' | 'signal'> {
  /** Where images are. To list and to remove them it has to be a `ManagedStore`. */
  readonly store: ImageStore | ManagedStore;
  /** Tells which images garbage collection must leave alone, by the name in the store. @defaultValue none */
  readonly isPinned?: ((name: string) => boolean) | undefined;
  /** What `imageFsInfo` says of where the store is. @defaultValue an empty text */
  readonly mountpoint?: string | undefined;
  /**
   * How long the content of removed images is spared: it must be longer than any pull, unless nobody else writes.
   *
   * @defaultValue {@link DEFAULT_GARBAGE_GRACE_MS}
   */
  readonly garbageGraceMs?: number | undefined;
}

/**
 * Makes an `ImageService` of this library's own puller and a store, so that an image manager needs no container runtime.
 *
 * Each call shows the credential of its request, or none: the loop over credentials is the manager's. A mirror is shown a credential only
 * if its entry is for the mirror's host. An image that the store holds as an index counts as absent, because a pull names
 * the manifest of one platform.
 *
 * @param options - as for `pullImage`, with a store; a `downloads` pool lets parallel pulls share layers
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an option of the wrong kind
 * @returns the service; without a `ManagedStore`, `listImages`, `removeImage` and `imageFsInfo` reject with
 * `ERR_OPTION_INVALID`
 * @example
 * ```ts
 * import { createPullerImageService } from 'kubepull/image-service';
 * import { createDownloadPool } from 'kubepull/puller';
 * import { createNodeRuntime, openOciLayout } from 'kubepull/node';
 *
 * const images = createPullerImageService({
 *   runtime: createNodeRuntime(),
 *   store: await openOciLayout('./layout'),
 *   downloads: createDownloadPool(),
 * });
 * ```
 * @public
 */
export function createPullerImageService(options: PullerImageServiceOptions): ImageService {
  const members = pullMembers();
  check<PullerImageServiceOptions>(ACTION, options, {
    ...members,
    store: orManaged(members.store),
    isPinned: is.optional(is.callable),
    mountpoint: is.optional(is.text),
    garbageGraceMs: is.optional(is.numberFrom(0, Infinity)),
  });
  const { store, isPinned = () => false, mountpoint = '', garbageGraceMs, ...pull } = options;
  const describe = (image: StoredImage): RuntimeImage => describeImage(image, isPinned);
  return {
    async imageStatus(image, call = {}) {
      checkCall({ image, call }, imageSpecKind);
      const found = await findImage(store, image.image, call);
      return found === undefined ? undefined : describe(found);
    },
    async pullImage(request, call = {}) {
      checkCall({ image: request, call }, pullRequestKind);
      const { image, auth } = request;
      const keyring = auth === undefined ? undefined : keyringOf(auth, image.image);
      try {
        return (await pullImage(image.image, { ...pull, ...call, store, keyring })).imageRef;
      } catch (error) {
        throw onlyError(error);
      }
    },
    async listImages(call = {}) {
      checkCall({ call });
      return (await listStoredImages(managedStore(store, 'list images'), call)).map(describe);
    },
    async removeImage(image, call = {}) {
      checkCall({ image, call }, imageSpecKind);
      const managed = managedStore(store, 'remove an image');
      const found = await findImage(managed, image.image, call);
      if (found === undefined) return;
      const same = (await listStoredImages(managed, call)).find(({ id }) => id === found.id);
      for (const name of same?.names ?? found.names) await managed.untag(name, call);
      await managed.collectGarbage({ ...call, graceMs: garbageGraceMs ?? DEFAULT_GARBAGE_GRACE_MS });
    },
    async imageFsInfo(call = {}) {
      checkCall({ call });
      const images = await listStoredImages(managedStore(store, 'measure images'), call);
      return [{ mountpoint, usedBytes: contentBytes(images), inodesUsed: undefined }];
    },
  };
}

const ACTION = 'Cannot look after images';

function checkCall(
  values: { readonly image?: ImageSpec | PullImageRequest; readonly call: CallOptions },
  image: Kind = is.anything,
): void {
  check<typeof values>(ACTION, values, { image, call: is.shape(is.callOptions) });
}

/** The one credential for the image's own registry; for any other host it has to match as it would in a keyring. */
function keyringOf(auth: DockerConfigEntry, image: string): Keyring {
  const asFound = createKeyring([auth]);
  const own = parseImageName(image).name;
  return {
    lookup(name): LookupResult {
      const found = asFound.lookup(name);
      // Whoever asked for the pull may have found it by rules of its own.
      const pattern = imageNameText(name);
      const matches = pattern !== own || found.candidates.length > 0;
      return matches ? found : createKeyring([{ ...auth, pattern }]).lookup(name);
    },
  };
}

/** One credential at one endpoint fails with one error, and that is the text to show. */
function onlyError(error: unknown): unknown {
  if (!(error instanceof PullFailedError) || error.attempts.length !== 1) return error;
  return error.attempts[0]?.error ?? error;
}

function describeImage(image: StoredImage, isPinned: (name: string) => boolean): RuntimeImage {
  const { id, size, names, repoTags, repoDigests } = image;
  return { id, size, repoTags, repoDigests, pinned: names.some(isPinned), runtimeHandler: '' };
}

/** An image in a store, under all its names. */
interface StoredImage {
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
async function findImage(
  store: ImageStore | ManagedStore,
  image: string,
  options?: CallOptions,
): Promise<StoredImage | undefined> {
  if (!IMAGE_ID.test(image)) return readNamed(store, formatStoreName(image), options);
  if (!('names' in store)) return undefined;
  return (await listStoredImages(store, options)).find(({ id }) => id === image);
}

/** All images, each once. Names that do not lead to an image of one platform are passed over. */
async function listStoredImages(store: ManagedStore, options?: CallOptions): Promise<readonly StoredImage[]> {
  const images = new Map<string, StoredImage>();
  for (const name of await store.names(options)) {
    const image = await readNamed(store, name, options);
    if (image !== undefined) images.set(image.id, join(images.get(image.id), image));
  }
  return [...images.values()];
}

/** What images take together; content that several have counts once. */
function contentBytes(images: readonly StoredImage[]): number {
  const sizes = new Map(images.flatMap(({ contents }) => contents.map(({ digest, size }) => [digest, size] as const)));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

function managedStore(store: ImageStore | ManagedStore, verb: string): ManagedStore {
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
