import { dirname, resolve } from 'node:path';
import { type CallOptions, type Clock, systemClock } from '../../clock/index.js';
import type { CreateHasher } from '../../digest/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import type { Descriptor } from '../../oci/index.js';
import { checkClosure, checkStoreName, type ContentStore, isolateStore, type ManagedStore } from '../../store/index.js';
import { checkContentCall, checkNameCall, withAbort } from '../../store/inner.js';
import { failedWith, succeeds, withStoreErrors } from '../files/errors.js';
import { fileSystemKind, type LayoutFileSystem, nodeFileSystem } from '../files/file-system.js';
import { nodeHasher } from '../hasher.js';
import { hasBlob, isBlobRight, readBlob, settleBlobs } from './blobs.js';
import { createBackground, createDirectoryCheck, type LayoutContext } from './context.js';
import { ensureDirectory, layoutPaths } from './places.js';
import { createKeptBytes, createVerifiedFiles } from './remembered.js';
import { EMPTY_INDEX, LAYOUT_MARKER, readLayoutMarker } from './documents.js';
import { collectLayoutGarbage } from './garbage.js';
import { createIndexFile } from './index-file.js';
import { sweepIngest } from './ingest.js';
import type { LayoutIndex } from './layout-index.js';
import { createLock } from './lock.js';
import { type ChangeNames, createNameChanges, replaceDocument } from './name-changes.js';
import { findName, listNames, removeName, writeName } from './names.js';
import { type LayoutOwner, processOwner, sweepSockets } from './owner.js';
import { createRemembered } from './remembered.js';
import { createLayoutWriter } from './writer.js';

/**
 * An OCI image layout on disk.
 *
 * @public
 */
export interface OciLayout extends ManagedStore, AsyncDisposable {
  /** Where it is, without symbolic links. */
  readonly directory: string;
  /**
   * Waits for the disk: an abort settles at once, and a file that was written to then is closed and put away behind it.
   * Nothing else is held open between calls, so a layout need not be closed.
   */
  close(): Promise<void>;
}

/**
 * Opens an OCI image layout, and makes one where there is none.
 *
 * Whatever happens, a power cut included, the layout is valid: a blob shows only when it is whole and on the disk, and a
 * name only when all of its image is. Any number of processes may write to it at once. Content that was there before is
 * hashed once before it is used, and not again while its file stays as it is; what is corrupt is removed and counts as
 * absent. Temporary files are in `ingest/`, and
 * those of processes that have ended are removed now, but for the parts of downloads: the next writer of the same content
 * goes on from there.
 *
 * @param directory - where the layout is or shall be; missing parents are made
 * @param options - see {@link OciLayoutOptions}
 * @returns the store; `close` it, or declare it with `await using`, where a call may have been aborted and the disk is to be
 * at rest
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
  options.signal?.throwIfAborted();
  const context = await createContext(directory, options);
  await context.background.run(options.signal, () => prepareLayout(context, options));
  await sweepIngest(context);
  if (usesSockets(options)) await sweepSockets(context.paths.ingest);
  const store = { ...contentStore(context), ...nameStore(context) };
  const close = async (): Promise<void> => {
    await context.background.run(undefined, () => context.remembered.flush());
    await context.background.settled();
  };
  return {
    ...store,
    ...(options.isolated === true ? isolateStore(store) : {}),
    directory: context.paths.root,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A socket can only be where paths are those of the system. */
function usesSockets({ fs = nodeFileSystem, owner }: OciLayoutOptions): boolean {
  return fs.realpath === nodeFileSystem.realpath && owner === undefined;
}

async function createContext(directory: string, options: OciLayoutOptions): Promise<LayoutContext> {
  const { createHasher = nodeHasher, clock = systemClock, lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS } = options;
  const { maxPartialAgeMs: maxAgeMs = DEFAULT_PARTIAL_AGE_MS, maxPartialBytes: maxBytes = DEFAULT_PARTIAL_BYTES } =
    options;
  const fs = withStoreErrors(options.fs ?? nodeFileSystem);
  const paths = layoutPaths(await openRoot(fs, directory));
  const base = {
    fs,
    paths,
    clock,
    owner: options.owner ?? (await processOwner(usesSockets(options) ? paths.ingest : undefined)),
  };
  const verified = createVerifiedFiles();
  return {
    ...base,
    createHasher,
    lendsFiles: (options.fs ?? nodeFileSystem) === nodeFileSystem && createHasher === nodeHasher,
    index: createIndexFile(fs, paths.index, clock),
    hasDirectories: createDirectoryCheck(fs, paths),
    verified,
    kept: createKeptBytes(),
    remembered: createRemembered({ ...base, verified, rehash: options.rehash === true }),
    background: createBackground(),
    partials: { maxAgeMs, maxBytes },
    exclusive: createLock(base, lockTimeoutMs),
  };
}

function contentStore(context: LayoutContext): ContentStore {
  const { background } = context;
  return {
    async has(descriptor, call = {}) {
      checkContentCall(descriptor, call);
      return background.run(call.signal, () => hasBlob(context, descriptor, call));
    },
    read(descriptor, call = {}) {
      checkContentCall(descriptor, call);
      const content = readBlob(context, descriptor, call);
      return call.signal === undefined ? content : withAbort(content, call.signal);
    },
    async ingest(descriptor, call = {}) {
      checkContentCall(descriptor, call);
      return background.run(call.signal, () => createLayoutWriter(context, descriptor, call));
    },
  };
}

function nameStore(context: LayoutContext): Omit<ManagedStore, keyof ContentStore> {
  const { index, background } = context;
  const change = createNameChanges(context);
  return {
    async resolve(name, call = {}) {
      checkNameCall(name, call);
      return background.run(call.signal, async () => findName(await index.read(), name));
    },
    async tag(name, descriptor, call = {}) {
      checkNameCall(name, call);
      checkContentCall(descriptor, call);
      return background.run(call.signal, () => tagImage(context, change, name, descriptor, call));
    },
    async names(call = {}) {
      check<CallOptions>('Cannot use a store', call, is.callOptions);
      return background.run(call.signal, async () => listNames(await index.read()));
    },
    async untag(name, call = {}) {
      checkNameCall(name, call);
      const edit = (found: LayoutIndex): LayoutIndex => removeName(found, name) ?? found;
      return background.run(call.signal, () => change({ contents: [], edit }, call));
    },
    async collectGarbage(call = {}) {
      check('Cannot use a store', { call }, { call: is.shape({ dryRun: is.optional(is.bool), ...is.callOptions }) });
      return background.run(call.signal, () => collectLayoutGarbage(context, call));
    },
  };
}

async function tagImage(
  context: LayoutContext,
  change: ChangeNames,
  name: string,
  descriptor: Descriptor,
  call: CallOptions,
): Promise<void> {
  checkStoreName(name);
  const blobs: Pick<ContentStore, 'has' | 'read'> = {
    // What is named is looked at again under the lock, so it need not be leased.
    has: (content, options = {}) => isBlobRight(context, content, options),
    read: (content, options = {}) => readBlob(context, content, options),
  };
  const contents = await checkClosure(blobs, descriptor, call);
  // Once before the lock, so that little is left to do under it.
  await settleBlobs(context, contents, call);
  await change({ contents, edit: (found) => writeName(found, name, descriptor) }, call);
  await context.remembered.note(contents);
}

/**
 * How long a call waits for other processes that write to the same layout, when the caller does not say: 30 seconds.
 *
 * @public
 */
export const DEFAULT_LOCK_TIMEOUT_MS = 30_000;

/**
 * How long the part of a cut download is kept, when the caller does not say: a day.
 *
 * @public
 */
export const DEFAULT_PARTIAL_AGE_MS: number = 24 * 60 * 60 * 1000;

/**
 * How many bytes of cut downloads are kept, when the caller does not say: 16 GiB.
 *
 * @public
 */
export const DEFAULT_PARTIAL_BYTES: number = 16 * 1024 ** 3;

/**
 * Options of `openOciLayout`.
 *
 * @public
 */
export interface OciLayoutOptions extends CallOptions {
  /** The file system that the layout is on. @defaultValue {@link nodeFileSystem} */
  readonly fs?: LayoutFileSystem | undefined;
  /** Makes the hashers that verify content. @defaultValue {@link nodeHasher} */
  readonly createHasher?: CreateHasher | undefined;
  /** Tells how old files and locks are, and waits for locks. @defaultValue `systemClock` */
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
  /**
   * How long the part of a cut download is kept for the next one, in milliseconds; 0 keeps none.
   *
   * @defaultValue {@link DEFAULT_PARTIAL_AGE_MS}
   */
  readonly maxPartialAgeMs?: number | undefined;
  /**
   * How many bytes of cut downloads are kept; the oldest go first.
   *
   * @defaultValue {@link DEFAULT_PARTIAL_BYTES}
   */
  readonly maxPartialBytes?: number | undefined;
  /**
   * Whether content counts as there only once it was written through this store, as in `isolateStore`. By default all
   * who open a layout share what is in it: who names the digest of a private layer that somebody else has pulled need not
   * show a credential for it.
   *
   * @defaultValue `false`
   */
  readonly isolated?: boolean | undefined;
  /**
   * Whether content is hashed before its first use by this store, also where an earlier process of this user has verified
   * it and the times of its file say that it has not changed since. It finds what a disk has lost in silence; so does
   * {@link validateLayout}.
   *
   * @defaultValue `false`
   */
  readonly rehash?: boolean | undefined;
}

/** @throws ImageError for what is no directory, or no option of this kind */
function checkLayoutOptions(directory: string, options: OciLayoutOptions): void {
  const limit = is.optional(is.numberFrom(0, Infinity));
  check('Cannot open a layout', { directory }, { directory: { ...is.filledText, what: 'the path of a directory' } });
  check<OciLayoutOptions>('Cannot open a layout', options, {
    fs: is.optional(fileSystemKind),
    createHasher: is.optional(is.hasher),
    clock: is.optional(is.clock),
    owner: is.optional(is.having('an owner of files', 'createToken', 'stateOf')),
    lockTimeoutMs: limit,
    maxPartialAgeMs: limit,
    maxPartialBytes: limit,
    isolated: is.optional(is.bool),
    rehash: is.optional(is.bool),
    ...is.callOptions,
  });
}

/** The directory of a layout, made if need be, under the one path that has no link in it. */
async function openRoot(fs: LayoutFileSystem, directory: string): Promise<string> {
  await makeDirectories(fs, resolve(directory));
  return fs.realpath(resolve(directory));
}

async function makeDirectories(fs: LayoutFileSystem, path: string): Promise<void> {
  const parent = dirname(path);
  try {
    await fs.mkdir(path);
  } catch (error) {
    // Whether what is there is a directory shows at its first use.
    if (failedWith(error, 'EEXIST')) return;
    if (!failedWith(error, 'ENOENT') || parent === path) throw error;
    await makeDirectories(fs, parent);
    await succeeds(fs.mkdir(path), 'EEXIST');
  }
}

/** Makes sure that the way to a new layout lasts, whoever made it; a directory that may not be read is not ours. */
async function syncAncestors(fs: LayoutFileSystem, path: string): Promise<void> {
  const parent = dirname(path);
  if (parent === path) return;
  await succeeds(fs.syncDirectory(parent), 'EACCES', 'EPERM');
  await syncAncestors(fs, parent);
}

/**
 * Makes the files of an empty layout where they are missing, `oci-layout` last: where it stands, the rest stands too.
 * Several processes may do so at once, so it is done under the lock. A layout that is there is not written to.
 */
async function prepareLayout(context: LayoutContext, { signal }: CallOptions): Promise<void> {
  const { fs, paths, exclusive } = context;
  if (await readLayoutMarker(fs, paths)) return;
  const isWanted = (): void => signal?.throwIfAborted();
  await exclusive(
    async (hold) => {
      if (await readLayoutMarker(fs, paths)) return;
      await syncAncestors(fs, paths.root);
      await ensureDirectory(fs, paths.blobs, paths.root);
      if (!(await succeeds(fs.lstat(paths.index), 'ENOENT')))
        await replaceDocument(context, hold, { target: paths.index, text: EMPTY_INDEX }, isWanted);
      await replaceDocument(context, hold, { target: paths.marker, text: LAYOUT_MARKER }, isWanted);
    },
    { signal },
  );
}
