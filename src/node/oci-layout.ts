import { type CallOptions, type Clock, systemClock } from '../clock/index.js';
import type { CreateHasher } from '../digest/index.js';
import { ImageError } from '../errors/index.js';
import { checkClosure, checkStoreName, type ImageStore } from '../store/index.js';
import { type LayoutFileSystem, nodeFileSystem } from './file-system.js';
import { nodeHasher } from './hasher.js';
import { hasBlob, readBlob, settleBlobs } from './layout-blobs.js';
import type { LayoutContext } from './layout-context.js';
import { withStoreErrors } from './layout-errors.js';
import { findName, readLayoutIndex, writeName } from './layout-index.js';
import { createLayoutLock } from './layout-lock.js';
import { openRoot, prepareLayout } from './layout-open.js';
import { type LayoutOwner, processOwner } from './layout-owner.js';
import { layoutPaths } from './layout-paths.js';
import { sweepIngest } from './layout-sweep.js';
import { replaceFile } from './layout-temp.js';
import { createVerifiedFiles } from './layout-verified.js';
import { createLayoutWriter } from './layout-writer.js';

/**
 * How long a call waits for other processes that write to the same layout, when the caller does not say: 30 seconds.
 *
 * @public
 */
export const DEFAULT_LOCK_TIMEOUT_MS = 30_000;

/**
 * Options of {@link openOciLayout}.
 *
 * @public
 */
export interface OciLayoutOptions extends CallOptions {
  /** @defaultValue {@link nodeFileSystem} */
  readonly fs?: LayoutFileSystem | undefined;
  /** @defaultValue {@link nodeHasher} */
  readonly createHasher?: CreateHasher | undefined;
  /** @defaultValue `systemClock` */
  readonly clock?: Clock | undefined;
  /**
   * Who owns the temporary files of this store.
   *
   * @defaultValue this process
   */
  readonly owner?: LayoutOwner | undefined;
  /**
   * How long to wait for other processes, in milliseconds.
   *
   * @defaultValue {@link DEFAULT_LOCK_TIMEOUT_MS}
   */
  readonly lockTimeoutMs?: number | undefined;
}

/**
 * An OCI image layout on disk.
 *
 * @public
 */
export interface OciLayout extends ImageStore {
  /** Where it is, without symbolic links. */
  readonly directory: string;
}

/**
 * Opens an OCI image layout, and makes one where there is none.
 *
 * Whatever happens, a power cut included, the layout is valid: a blob shows only when it is whole and on the disk, and a
 * name only when all of its image is. Any number of processes may write to it at once. Content that was there before is
 * hashed once before it is used; what is corrupt is removed and counts as absent. Temporary files are in `ingest/`, and
 * those of processes that have ended are removed now.
 *
 * @param directory - where the layout is or shall be; missing parents are made
 * @param options - see {@link OciLayoutOptions}
 * @returns the store; it holds nothing open between calls, so there is nothing to close
 * @throws {@link StoreError} when the directory cannot be used, or holds something else; `errno` has the system's code
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a `lockTimeoutMs` that is no time
 * @example
 * ```ts
 * import { openOciLayout } from 'kubepull/node';
 *
 * const store = await openOciLayout('./layout');
 * const manifest = await store.resolve('registry.example.com/app:1');
 * ```
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
 * @public
 */
export async function openOciLayout(directory: string, options: OciLayoutOptions = {}): Promise<OciLayout> {
  checkOptions(options);
  options.signal?.throwIfAborted();
  const context = await createContext(directory, options);
  await prepareLayout(context, options);
  await sweepIngest(context);
  return layoutStore(context);
}

function checkOptions({ lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS }: OciLayoutOptions): void {
  if (lockTimeoutMs >= 0) return;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot open a layout with lockTimeoutMs ${lockTimeoutMs}: it is no time`);
}

async function createContext(directory: string, options: OciLayoutOptions): Promise<LayoutContext> {
  const { createHasher = nodeHasher, clock = systemClock, lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS } = options;
  const fs = withStoreErrors(options.fs ?? nodeFileSystem);
  const paths = layoutPaths(await openRoot(fs, directory));
  const base = { fs, paths, clock, owner: options.owner ?? (await processOwner()) };
  return { ...base, createHasher, verified: createVerifiedFiles(), exclusive: createLayoutLock(base, lockTimeoutMs) };
}

function layoutStore(context: LayoutContext): OciLayout {
  const { fs, paths } = context;
  const blobs: Pick<OciLayout, 'has' | 'read'> = {
    has: (descriptor, call = {}) => hasBlob(context, descriptor, call),
    read: (descriptor, call = {}) => readBlob(context, descriptor, call),
  };
  return {
    ...blobs,
    directory: paths.root,
    ingest: (descriptor, call = {}) => createLayoutWriter(context, descriptor, call),
    async resolve(name, { signal } = {}) {
      signal?.throwIfAborted();
      return findName(await readLayoutIndex(fs, paths.index), name);
    },
    async tag(name, descriptor, call = {}) {
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
    },
  };
}
