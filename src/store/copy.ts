import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { storeWith } from './kinds.js';
import type { CallOptions } from '../clock/index.js';
import type { CreateHasher } from '../digest/index.js';
import { StoreError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import type { Descriptor, Platform } from '../oci/index.js';
import { writeContent } from './content.js';
import { selectContent, type Selection, type SelectManifests } from './copy-select.js';
import { listCopied } from './copy-closure.js';
import { checkStoreName } from './naming.js';
import type { ContentStore, CopySource, CopyTarget, ImageStore } from './types.js';

/**
 * What happens while an image is copied, or written to an archive.
 *
 * @public
 */
export type CopyEvent =
  | {
      /** The first event: everything that the image is made of is known, and there. */
      readonly type: 'plan';
      /** Each content once, in the order in which it is copied. */
      readonly contents: readonly Descriptor[];
      /** The bytes of all of them. */
      readonly bytes: number;
    }
  | {
      readonly type: 'blob';
      readonly descriptor: Descriptor;
      /** `skipped`: the target has it already, or has it from another repository of its own. */
      readonly phase: 'started' | 'progress' | 'verified' | 'skipped';
      /** Bytes of this content that are done. */
      readonly bytes: number;
    }
  | {
      /** An image without index, whose config names another platform than the wanted one, is written to an archive or read from one. */
      readonly type: 'platform';
      readonly descriptor: Descriptor;
      readonly wanted: Platform;
      /** What the config names. */
      readonly platform: Platform;
    };

/**
 * Options of {@link copyContent}.
 *
 * @public
 */
export interface CopyContentOptions extends CallOptions {
  /**
   * What to take of an index. It is asked once about each index within the index, too, and not at all about a single
   * image.
   *
   * @defaultValue the index with all that it lists
   */
  readonly select?: SelectManifests | undefined;
  /**
   * Where hashes come from, such as `nodeHasher` of `kubepull/node`. `select` needs it: the index that it sees is verified
   * before, and a narrowed one has a digest of its own.
   */
  readonly createHasher?: CreateHasher | undefined;
  /**
   * Whether what refers to the image, and to the images of its index, is copied as well, such as signatures; and what
   * refers to that. The source has to know it, as a registry does.
   *
   * @defaultValue `false`
   */
  readonly referrers?: boolean | undefined;
  /** Is told what happens, while the copy waits. When it throws, the copy ends with that error. @defaultValue none */
  readonly onEvent?: ((event: CopyEvent) => void) | undefined;
}

/**
 * Options of {@link copyImage}.
 *
 * @public
 */
export interface CopyImageOptions extends CopyContentOptions {
  /**
   * The name in the target.
   *
   * @defaultValue the same name
   */
  readonly as?: string | undefined;
}

/**
 * Content that is in the target now.
 *
 * @public
 */
export interface CopiedContent {
  /** The index or manifest that was copied: the one asked for, or what was chosen from it. */
  readonly root: Descriptor;
  /** All of it, each content once; what is named stands before what names it. */
  readonly contents: readonly Descriptor[];
}

/**
 * An image that the target knows by name now.
 *
 * @public
 */
export interface CopiedImage extends CopiedContent {
  /** The name of the image in the target. */
  readonly name: string;
}

/**
 * Copies an image from one store to another, and names it there once all of it has come and is verified.
 *
 * An index is copied with the images of all its platforms, byte for byte. With `select` it is one of them only, or an
 * index of some. A single image, such as `pullImage` stores, is copied as it is: `select` is not asked, so it is no check
 * of the platform.
 *
 * @param from - the store that has the image
 * @param name - its name there
 * @param to - the store that shall have it; what it has already is not copied again
 * @param options - the name in the target, what to take of an index, who is told of progress, an abort signal
 * @returns what the target has now
 * @throws {@link StoreError} when the source has no such name or lacks content of it, or when a store failed
 * @throws {@link ContentMismatchError} when content of the source is not what its descriptor says
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when `select` chooses nothing, or what is not in the index, and
 * for an option of the wrong kind
 * @throws {@link PlatformNotFoundError} from a `select` that finds no image for its platform
 * @example
 * ```ts
 * import { nodeHasher, openOciLayout } from 'kubepull/node';
 * import { parsePlatform, selectManifest } from 'kubepull/platform';
 * import { copyImage } from 'kubepull/store';
 *
 * const platform = parsePlatform('linux/arm64');
 * await copyImage(await openOciLayout('./all'), 'registry.example.com/app:1', await openOciLayout('./edge'), {
 *   select: (index) => selectManifest(index, platform),
 *   createHasher: nodeHasher,
 * });
 * ```
 * @see Copy in oras.land/oras-go copy.go
 * @public
 */
export async function copyImage(
  from: CopySource,
  name: string,
  to: ImageStore | CopyTarget,
  options: CopyImageOptions = {},
): Promise<CopiedImage> {
  const kinds = {
    from: storeWith('has', 'read', 'resolve'),
    name: is.text,
    to: is.either(storeWith('has', 'read', 'ingest', 'tag'), storeWith('bring', 'tag')),
  };
  check('Cannot copy', { from, name, to }, kinds);
  checkCopyOptions(options);
  check('Cannot copy', { as: options.as }, { as: is.optional(is.text) });
  const { as = name, signal } = options;
  signal?.throwIfAborted();
  checkStoreName(as);
  const found = await from.resolve(name, { signal });
  if (found === undefined) {
    throw new StoreError(`Cannot copy ${quote(name)}: the store has no such name`, { operation: 'resolve' });
  }
  const copied = await copyContent(from, found, to, options);
  await to.tag(as, copied.root, { signal });
  return { name: as, ...copied };
}

function checkCopyOptions(options: CopyContentOptions): void {
  check('Cannot copy', { options }, { options: is.object });
  const { select, createHasher, referrers, onEvent, signal } = options;
  check<CopyContentOptions>(
    'Cannot copy',
    { select, createHasher, referrers, onEvent, signal },
    {
      select: is.optional({ ...is.callable, what: 'a function of an index' }),
      createHasher: is.optional(is.hasher),
      referrers: is.optional(is.bool),
      onEvent: is.optional(is.callable),
      ...is.callOptions,
    },
  );
}

/**
 * Copies a manifest with its config and layers, or an index with all that it lists, from one store to another.
 *
 * What the target has already is not read again; all else is verified by the target on the way in. What is named comes
 * before what names it, so that the target never holds a manifest whose content is missing. When a copy fails, what was
 * copied by then stays, and the next copy goes on from there.
 *
 * @param from - where the content is
 * @param root - the manifest or index
 * @param to - where it shall be
 * @param options - what to take of an index, who is told of progress, an abort signal
 * @returns what was copied
 * @throws {@link StoreError} when something is missing, and nothing is copied then; or when a store failed
 * @throws {@link ContentMismatchError} when content of the source is not what its descriptor says
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when `select` chooses nothing, or what is not in the index;
 * `ERR_REGISTRY_DOCUMENT` when what should be a manifest or an index is not one
 * @example
 * ```ts
 * import type { Descriptor } from 'kubepull/oci';
 * import { type ContentStore, copyContent } from 'kubepull/store';
 *
 * declare const cache: ContentStore;
 * declare const manifest: Descriptor;
 * declare const node: ContentStore;
 * const { contents } = await copyContent(cache, manifest, node);
 * ```
 * @see CopyGraph in oras.land/oras-go copy.go
 * @public
 */
export async function copyContent(
  from: Pick<CopySource, 'has' | 'read' | 'referrers'>,
  root: Descriptor,
  to: ContentStore | Pick<CopyTarget, 'bring'>,
  options: CopyContentOptions = {},
): Promise<CopiedContent> {
  const kinds = {
    from: storeWith('has', 'read'),
    root: is.descriptor,
    to: is.either(storeWith('has', 'read', 'ingest'), storeWith('bring')),
  };
  check('Cannot copy', { from, root, to }, kinds);
  checkCopyOptions(options);
  const { signal, onEvent } = options;
  signal?.throwIfAborted();
  const selection = await selectContent(from, root, options);
  const source = withNarrowed(from, selection);
  const contents = await listCopied(from, source, selection.root, options);
  onEvent?.({ type: 'plan', contents, bytes: contents.reduce((total, { size }) => total + size, 0) });
  for (const descriptor of contents) await copyOne(source, descriptor, to, options);
  return { root: selection.root, contents };
}

async function copyOne(
  from: Pick<ContentStore, 'read'>,
  descriptor: Descriptor,
  to: ContentStore | Pick<CopyTarget, 'bring'>,
  { signal, onEvent }: CopyContentOptions,
): Promise<void> {
  if ('bring' in to) {
    let isRead = false;
    const open = (): AsyncIterable<Uint8Array> => {
      if (!isRead) onEvent?.({ type: 'blob', descriptor, phase: 'started', bytes: 0 });
      isRead = true;
      return reportProgress(from.read(descriptor, { signal }), descriptor, onEvent);
    };
    const how = await to.bring(descriptor, open, { signal });
    const phase = how === 'uploaded' ? 'verified' : 'skipped';
    onEvent?.({ type: 'blob', descriptor, phase, bytes: descriptor.size });
    return;
  }
  if (await to.has(descriptor, { signal })) {
    onEvent?.({ type: 'blob', descriptor, phase: 'skipped', bytes: descriptor.size });
    return;
  }
  onEvent?.({ type: 'blob', descriptor, phase: 'started', bytes: 0 });
  const content = reportProgress(from.read(descriptor, { signal }), descriptor, onEvent);
  await writeContent(to, descriptor, content, { signal });
  onEvent?.({ type: 'blob', descriptor, phase: 'verified', bytes: descriptor.size });
}

async function* reportProgress(
  content: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  onEvent: CopyContentOptions['onEvent'],
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const chunk of content) {
    yield chunk;
    // The writer has asked for more, so it has taken this chunk.
    bytes += chunk.length;
    onEvent?.({ type: 'blob', descriptor, phase: 'progress', bytes });
  }
}

/** The source, as if it had the indexes that are new. */
function withNarrowed(
  from: Pick<ContentStore, 'has' | 'read'>,
  { narrowed }: Selection,
): Pick<ContentStore, 'has' | 'read'> {
  return {
    has: async (descriptor, call) => narrowed.has(descriptor.digest) || from.has(descriptor, call),
    read: (descriptor, call) => {
      const document = narrowed.get(descriptor.digest);
      return document === undefined ? from.read(descriptor, call) : once(document);
    },
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
