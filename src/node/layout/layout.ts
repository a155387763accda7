import { systemClock } from '../../clock/index.js';
import {
  checkClosure,
  checkStoreName,
  type ContentStore,
  type ImageStore,
  isolateStore,
  type ManagedStore,
} from '../../store/index.js';
import { nodeFileSystem } from './file-system.js';
import { nodeHasher } from '../hasher.js';
import { hasBlob, isBlobRight, readBlob, settleBlobs } from './blobs.js';
import type { LayoutContext } from './context.js';
import { withStoreErrors } from './errors.js';
import { collectLayoutGarbage } from './garbage.js';
import { findName, listNames, readLayoutIndex, removeName, writeName } from './index-file.js';
import { createLayoutLock } from './lock.js';
import { openRoot, prepareLayout } from './open.js';
import { checkLayoutOptions, type OciLayoutOptions, resolveLayoutLimits } from './options.js';
import { processOwner } from './owner.js';
import { layoutPaths } from './paths.js';
import { sweepIngest } from './sweep.js';
import { replaceFile } from './temp.js';
import { createVerifiedFiles } from './verified.js';
import { createLayoutWriter } from './writer.js';

/**
 * An OCI image layout on disk.
 *
 * @public
 */
export interface OciLayout extends ManagedStore {
  /** Where it is, without symbolic links. */
  readonly directory: string;
}

/**
 * Opens an OCI image layout, and makes one where there is none.
 *
 * Whatever happens, a power cut included, the layout is valid: a blob shows only when it is whole and on the disk, and a
 * name only when all of its image is. Any number of processes may write to it at once. Content that was there before is
 * hashed once before it is used; what is corrupt is removed and counts as absent. Temporary files are in `ingest/`, and
 * those of processes that have ended are removed now, but for the parts of downloads: the next writer of the same content
 * goes on from there.
 *
 * @param directory - where the layout is or shall be; missing parents are made
 * @param options - see {@link OciLayoutOptions}
 * @returns the store; it holds nothing open between calls, so there is nothing to close
 * @throws {@link StoreError} when the directory cannot be used, or holds something else; `errno` has the system's code
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a limit that is no number from 0, or an option of the wrong kind
 * @example
 * ```ts
 * import { openOciLayout } from 'kubepull/node';
 *
 * const store = await openOciLayout('./');
 * const manifest = await store.resolve('registry.example.com/app:1');
 * ```
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 * @public
 */
export async function openOciLayout(directory: string, options: OciLayoutOptions = {}): Promise<OciLayout> {
  checkLayoutOptions(directory, options);
  const limits = resolveLayoutLimits(options);
  options.signal?.throwIfAborted();
  const context = await createContext(directory, options, limits);
  await prepareLayout(context, options);
  await sweepIngest(context);
  const store = { ...contentStore(context), ...nameStore(context) };
  return { ...store, ...(options.isolated === true ? isolateStore(store) : {}), directory: context.paths.root };
}

async function createContext(
  directory: string,
  options: OciLayoutOptions,
  limits: ReturnType<typeof resolveLayoutLimits>,
): Promise<LayoutContext> {
  const { createHasher = nodeHasher, clock = systemClock } = options;
  const fs = withStoreErrors(options.fs ?? nodeFileSystem);
  const paths = layoutPaths(await openRoot(fs, directory));
  const base = { fs, paths, clock, owner: options.owner ?? (await processOwner()) };
  return {
    ...base,
    createHasher,
    verified: createVerifiedFiles(),
    partials: { maxAgeMs: limits.maxPartialAgeMs, maxBytes: limits.maxPartialBytes },
    exclusive: createLayoutLock(base, limits.lockTimeoutMs),
  };
}

function contentStore(context: LayoutContext): ContentStore {
  return {
    has: (descriptor, call = {}) => hasBlob(context, descriptor, call),
    read: (descriptor, call = {}) => readBlob(context, descriptor, call),
    ingest: (descriptor, call = {}) => createLayoutWriter(context, descriptor, call),
  };
}

function nameStore(context: LayoutContext): Omit<ManagedStore, keyof ContentStore> {
  const { fs, paths } = context;
  return {
    async resolve(name, { signal } = {}) {
      signal?.throwIfAborted();
      return findName(await readLayoutIndex(fs, paths.index), name);
    },
    tag: tagger(context),
    async names({ signal } = {}) {
      signal?.throwIfAborted();
      return listNames(await readLayoutIndex(fs, paths.index));
    },
    async untag(name, call = {}) {
      call.signal?.throwIfAborted();
      return context.exclusive(async (confirm) => {
        const text = removeName(await readLayoutIndex(fs, paths.index), name);
        if (text !== undefined) await replaceFile(context, paths.index, text, confirm);
        return text !== undefined;
      }, call);
    },
    collectGarbage: (call = {}) => collectLayoutGarbage(context, call),
  };
}

function tagger(context: LayoutContext): ImageStore['tag'] {
  const { fs, paths } = context;
  const blobs: Pick<ContentStore, 'has' | 'read'> = {
    // What is named is looked at again under the lock, so it need not be leased.
    has: (descriptor, call = {}) => isBlobRight(context, descriptor, call),
    read: (descriptor, call = {}) => readBlob(context, descriptor, call),
  };
  return async (name, descriptor, call = {}) => {
    call.signal?.throwIfAborted();
    checkStoreName(name);
    const contents = await checkClosure(blobs, descriptor, call);
    // Once before the lock, so that little is left to do under it.
    await settleBlobs(context, contents, call);
    await context.exclusive(async (confirm) => {
      await settleBlobs(context, contents, call);
      const index = await readLayoutIndex(fs, paths.index);
      await replaceFile(context, paths.index, writeName(index, name, descriptor), confirm);
    }, call);
  };
}
