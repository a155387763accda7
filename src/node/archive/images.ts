import type { CallOptions } from '../../clock/index.js';
import type { CreateHasher } from '../../digest/index.js';
import { ImageError, StoreError } from '../../errors/index.js';
import { check, reasonOf } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { quote } from '../../internal/index.js';
import {
  DEFAULT_DOCUMENT_LIMITS,
  type Descriptor,
  type ImageManifest,
  isImageConfigMediaType,
  normalizeMediaType,
  parseImageConfig,
  parseManifest,
  type Platform,
} from '../../oci/index.js';
import { selectManifest } from '../../platform/index.js';
import { checkLabel } from '../../platform/inner.js';
import { checkClosure, type ContentStore, readContent, verifyContent } from '../../store/index.js';
import type { ArchiveImage, ArchiveOptions, ArchiveSource } from './types.js';

/** Levels of index in index. */
const MAX_INDEX_DEPTH = 4;

/** An image to be archived, and what the archive calls it. */
export interface NamedImage {
  readonly name: string;
  readonly as: string;
  /** Whether the caller chose `as`, so that it has to be fit for the archive. */
  readonly renamed: boolean;
  readonly root: Descriptor;
}

/** A manifest that was chosen, and read. */
export interface ChosenManifest {
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
}

/** The same store, whose content is verified when it is read, whatever the store does itself. */
export function verifiedSource(
  store: Pick<ContentStore, 'has' | 'read'>,
  createHasher: CreateHasher,
): Pick<ContentStore, 'has' | 'read'> {
  return {
    has: (descriptor, options) => store.has(descriptor, options),
    read: (descriptor, options) => verifyContent(store.read(descriptor, options), descriptor, createHasher),
  };
}

/** Looks the images up. One that is listed twice under one name counts once. */
export async function findImages(
  store: Pick<ArchiveSource, 'resolve'>,
  images: readonly ArchiveImage[],
  { signal }: ArchiveOptions,
): Promise<readonly NamedImage[]> {
  if (images.length === 0) throw new ImageError('ERR_OPTION_INVALID', 'Cannot write an archive: no image was named');
  const found = new Map<string, NamedImage>();
  for (const image of images) {
    const { name, as } = typeof image === 'string' ? { name: image, as: image } : image;
    const root = await store.resolve(name, { signal });
    if (root === undefined) throw cannotArchive(name, 'the store has no such name');
    const other = found.get(as);
    if (other !== undefined && other.root.digest !== root.digest) {
      const reason = `${quote(other.name)} and ${quote(name)} are other images`;
      throw new ImageError('ERR_OPTION_INVALID', `Cannot write two images ${quote(as)} to an archive: ${reason}`);
    }
    found.set(as, { name, as, root, renamed: typeof image !== 'string' });
  }
  return [...found.values()];
}

/** Checks what every archive is made of. */
export function checkArchive(store: ArchiveSource, images: readonly ArchiveImage[], options: ArchiveOptions): void {
  const image = is.either(is.text, is.shape({ name: is.text, as: is.text }));
  const list = { ...is.listOf(image), what: "a list of images, such as ['registry.example.com/app:1']" };
  const source = is.having('a store, such as openOciLayout() gives', 'has', 'read', 'resolve');
  check('Cannot write an archive', { store, images }, { store: source, images: list });
  check<ArchiveOptions>('Cannot write an archive', options, {
    platform: is.optional(is.platform),
    strictPlatform: is.optional(is.bool),
    createHasher: is.optional(is.hasher),
    onEvent: is.optional(is.callable),
    ...is.callOptions,
  });
}

/** Everything that an image is made of, and that it is all there. */
export async function contentsOf(
  store: Pick<ContentStore, 'has' | 'read'>,
  name: string,
  root: Descriptor,
  options: CallOptions,
): Promise<readonly Descriptor[]> {
  try {
    return await checkClosure(store, root, options);
  } catch (error) {
    if (!(error instanceof StoreError) || error.operation !== 'tag') throw error;
    throw cannotArchive(name, reasonOf(error), error);
  }
}

/** Goes down to the image of one platform, through as many indexes as there are. */
export async function chooseManifest(
  store: Pick<ContentStore, 'read'>,
  { name, root }: NamedImage,
  wanted: Platform,
  options: CallOptions,
): Promise<ChosenManifest> {
  let descriptor = root;
  for (let depth = 0; depth <= MAX_INDEX_DEPTH; depth += 1) {
    const bytes = await readContent(store, descriptor, { ...options, maxBytes: DEFAULT_DOCUMENT_LIMITS.maxBytes });
    const parsed = parseManifest(bytes, { mediaType: normalizeMediaType(descriptor.mediaType) });
    if (parsed.kind === 'manifest') return { descriptor, manifest: parsed.manifest };
    descriptor = selectManifest(parsed.index, wanted);
  }
  throw cannotArchive(name, `its indexes are nested deeper than ${MAX_INDEX_DEPTH} levels`);
}

/** Looks at what an image is for that no index was asked about: as in a pull, another label is told, or refused. */
export async function checkPlatform(
  store: Pick<ContentStore, 'read'>,
  { name, root }: NamedImage,
  { descriptor, manifest: { config } }: ChosenManifest,
  { platform: wanted, strictPlatform, onEvent, signal }: ArchiveOptions & { readonly platform: Platform },
): Promise<void> {
  const label = descriptor.platform ?? (await configPlatform(store, config, { signal }));
  // What an index said of it is no label that somebody forgot to change.
  const strict = descriptor.platform === undefined && descriptor.digest === root.digest ? strictPlatform : 'index';
  const platform = checkLabel(label, { wanted, strict, action: `Cannot write ${quote(name)} to an archive` });
  if (platform !== undefined) onEvent?.({ type: 'platform', descriptor, wanted, platform });
}

async function configPlatform(
  store: Pick<ContentStore, 'read'>,
  config: Descriptor,
  options: CallOptions,
): Promise<Platform | undefined> {
  if (!isImageConfigMediaType(normalizeMediaType(config.mediaType))) return undefined;
  return parseImageConfig(await readContent(store, config, { ...options, maxBytes: DEFAULT_DOCUMENT_LIMITS.maxBytes }))
    .platform;
}

export function cannotArchive(name: string, reason: string, cause?: unknown): StoreError {
  return new StoreError(`Cannot write ${quote(name)} to an archive: ${reason}`, { operation: 'archive', cause });
}

type OnEvent = ArchiveOptions['onEvent'];

/** Says what the archive will hold. */
export function reportPlan(contents: readonly Descriptor[], onEvent: OnEvent): void {
  onEvent?.({ type: 'plan', contents, bytes: contents.reduce((total, { size }) => total + size, 0) });
}

/** Passes content on, and says how far it is. `content` verifies itself before it ends. */
export async function* reportContent(
  content: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  onEvent: OnEvent,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  onEvent?.({ type: 'blob', descriptor, phase: 'started', bytes });
  for await (const chunk of content) {
    yield chunk;
    bytes += chunk.length;
    onEvent?.({ type: 'blob', descriptor, phase: 'progress', bytes });
  }
  onEvent?.({ type: 'blob', descriptor, phase: 'verified', bytes });
}
