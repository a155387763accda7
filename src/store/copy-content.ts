import type { CallOptions } from '../clock/index.js';
import { StoreError } from '../errors/index.js';
import { type Descriptor, isIndexMediaType, isManifestMediaType, normalizeMediaType } from '../oci/index.js';
import { checkClosure } from './check-closure.js';
import { type Selection, selectContent } from './copy-select.js';
import type { CopiedContent, CopyContentOptions } from './copy-types.js';
import type { ContentStore } from './types.js';
import { writeContent } from './write-content.js';

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
 * `ERR_REGISTRY_DOCUMENT` when a manifest or index is none
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
  from: Pick<ContentStore, 'has' | 'read'>,
  root: Descriptor,
  to: ContentStore,
  options: CopyContentOptions = {},
): Promise<CopiedContent> {
  const { signal, onEvent } = options;
  signal?.throwIfAborted();
  const selection = await selectContent(from, root, options);
  const source = withNarrowed(from, selection);
  const contents = inCopyOrder(await closureOf(source, selection.root, { signal }));
  onEvent?.({ type: 'plan', contents, bytes: contents.reduce((total, { size }) => total + size, 0) });
  for (const descriptor of contents) await copyOne(source, descriptor, to, options);
  return { root: selection.root, contents };
}

async function copyOne(
  from: Pick<ContentStore, 'read'>,
  descriptor: Descriptor,
  to: ContentStore,
  { signal, onEvent }: CopyContentOptions,
): Promise<void> {
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

async function closureOf(
  source: Pick<ContentStore, 'has' | 'read'>,
  root: Descriptor,
  options: CallOptions,
): Promise<readonly Descriptor[]> {
  try {
    return await checkClosure(source, root, options);
  } catch (error) {
    if (!(error instanceof StoreError) || error.operation !== 'tag') throw error;
    const reason = error.message.slice(error.message.indexOf(': ') + 2);
    throw new StoreError(`Cannot copy ${root.digest}: ${reason}`, { operation: 'copy', cause: error });
  }
}

/** Blobs, then manifests, then indexes, and of those the innermost first. */
function inCopyOrder(contents: readonly Descriptor[]): readonly Descriptor[] {
  const rankOf = (descriptor: Descriptor): number => {
    const mediaType = normalizeMediaType(descriptor.mediaType);
    return isIndexMediaType(mediaType) ? 2 : isManifestMediaType(mediaType) ? 1 : 0;
  };
  return contents.toReversed().toSorted((a, b) => rankOf(a) - rankOf(b));
}
