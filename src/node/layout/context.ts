import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import type { CallOptions, Clock } from '../../clock/index.js';
import { type CreateHasher, type Digest, getDigestAlgorithm, getDigestHex, parseDigest } from '../../digest/index.js';
import { createShared, untilAbort } from '../../internal/index.js';
import type { Descriptor } from '../../oci/index.js';
import { failedWith, layoutError, unlessMissing } from '../files/errors.js';
import type { LayoutFileSystem, LayoutStat } from '../files/file-system.js';
import type { IndexFile } from './index-file.js';
import type { LayoutOwner } from './owner.js';
import type { RememberedFiles } from './remembered.js';

/** How long, and how much, a layout keeps of downloads that were cut. */
interface PartialLimits {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
}

/** What the parts of one open layout share. */
export interface LayoutContext {
  /** Its errors are a `StoreError`. */
  readonly fs: LayoutFileSystem;
  readonly paths: LayoutPaths;
  readonly owner: LayoutOwner;
  readonly clock: Clock;
  readonly createHasher: CreateHasher;
  /** Whether others may fill the files of blobs: not where a file system or a hash of the caller's own wants to see them. */
  readonly lendsFiles: boolean;
  readonly index: IndexFile;
  /** Whether the directories that a blob is in are there. A link in their place is refused. */
  readonly hasDirectories: (content: Pick<Descriptor, 'digest'>) => Promise<boolean>;
  readonly verified: VerifiedFiles;
  readonly kept: KeptBytes;
  readonly remembered: RememberedFiles;
  readonly partials: PartialLimits;
  /** Runs what nobody else may do to this layout at the same time. */
  readonly exclusive: Exclusive;
  readonly background: Background;
}

/** Work that goes on when nobody waits for it any more, because the disk is slower than an abort. */
export interface Background {
  /** Runs a call; an abort ends the wait for it, and not the call, which has to see to its own end. */
  run<T>(signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T>;
  /** Puts the writer of some content away. The next writer of the same content waits for that. */
  putAway(digest: Digest, work: Promise<void>): void;
  /** Waits until no writer of this content is being put away. */
  awayOf(digest: Digest): Promise<void>;
  /** Waits for all of it, whatever comes of it. */
  settled(): Promise<void>;
}

export function createBackground(): Background {
  const work = new Set<Promise<unknown>>();
  const away = new Map<Digest, Promise<void>>();
  const add = (running: Promise<unknown>): void => {
    const end = running.then(
      () => void work.delete(end),
      () => void work.delete(end),
    );
    work.add(end);
  };
  return {
    async run(signal, call) {
      signal?.throwIfAborted();
      // As many as are asked for at once listen to one signal. That is no leak, and Node need not warn of one.
      if (signal instanceof EventTarget) setMaxListeners(0, signal);
      const running = call();
      add(running);
      return untilAbort(running, signal);
    },
    putAway(digest, running) {
      const all = Promise.all([away.get(digest), running]).then(
        () => undefined,
        () => undefined,
      );
      const forget = async (): Promise<void> => {
        await all;
        if (away.get(digest) === end) away.delete(digest);
      };
      const end = forget();
      away.set(digest, end);
      add(end);
    },
    async awayOf(digest) {
      await away.get(digest);
    },
    async settled() {
      while (work.size > 0) await Promise.all(work);
    },
  };
}

/** What the holder of the lock works with. */
export interface Hold {
  /** The file that shows who has the lock. */
  readonly file: string;
  /** Where that is made which takes the place of a file, and where that goes which is taken away; see the lock. */
  readonly directory: string;
  /** Fails when the lock was taken away meanwhile. */
  confirm(): Promise<void>;
}

/** It fails when the lock was taken away meanwhile, and then the action has changed nothing. */
export type Exclusive = <T>(action: (hold: Hold) => Promise<T>, options?: CallOptions) => Promise<T>;

/** The places in a layout. No name in it is made of anything but these words, a checked digest, or an owner's token. */
export interface LayoutPaths {
  readonly root: string;
  readonly marker: string;
  readonly index: string;
  readonly ingest: string;
  readonly lock: string;
  /** What earlier processes have verified. */
  readonly remembered: string;
  readonly blobs: string;
  algorithm(content: Pick<Descriptor, 'digest'>): string;
  blob(content: Pick<Descriptor, 'digest'>): string;
}

/** The places below a root that is free of links. */
export function layoutPaths(root: string): LayoutPaths {
  const blobs = join(root, 'blobs');
  const algorithm = ({ digest }: Pick<Descriptor, 'digest'>): string =>
    join(blobs, getDigestAlgorithm(parseDigest(digest)));
  return {
    root,
    marker: join(root, 'oci-layout'),
    index: join(root, 'index.json'),
    ingest: join(root, 'ingest'),
    lock: join(root, 'ingest', 'lock'),
    remembered: join(root, 'ingest', 'verified'),
    blobs,
    algorithm,
    blob: (content) => join(algorithm(content), getDigestHex(content.digest)),
  };
}

/** Makes sure that a name is a real directory, made now if there is none. A link could lead out of the layout. */
export async function ensureDirectory(fs: LayoutFileSystem, path: string, parent: string): Promise<void> {
  if (await isRealDirectory(fs, path)) return;
  try {
    await fs.mkdir(path);
  } catch (error) {
    // Another process was faster; what it made is looked at like any other.
    if (!failedWith(error, 'EEXIST') || !(await isRealDirectory(fs, path))) throw error;
  }
  await fs.syncDirectory(parent);
}

/** Whether a real directory is there; anything else at its place is refused. */
export async function isRealDirectory(fs: LayoutFileSystem, path: string): Promise<boolean> {
  const stat = await unlessMissing(fs.lstat(path));
  if (stat === undefined || stat.kind === 'directory') return stat !== undefined;
  throw layoutError('use', path, stat.kind === 'link' ? 'it is a symbolic link' : 'it is not a directory');
}

/** Makes the look at the directories of blobs; those who ask at the same time share one. */
export function createDirectoryCheck(
  fs: LayoutFileSystem,
  paths: Pick<LayoutPaths, 'blobs' | 'algorithm'>,
): LayoutContext['hasDirectories'] {
  const looks = new Map<string, () => Promise<boolean>>();
  return (content) => {
    const directory = paths.algorithm(content);
    const look =
      looks.get(directory) ??
      createShared(async () => (await isRealDirectory(fs, paths.blobs)) && (await isRealDirectory(fs, directory)));
    looks.set(directory, look);
    return look();
  };
}

/** What one store knows of the files in its layout, so that each is hashed, and forced to the disk, only once. */
export interface VerifiedFiles {
  /** Notes that the file with this stat has the right content. */
  remember(descriptor: Descriptor, stat: LayoutStat, known: { readonly durable: boolean }): void;
  isVerified(descriptor: Descriptor, stat: LayoutStat): boolean;
  /** Whether its content outlasts a power cut, too. */
  isDurable(descriptor: Descriptor, stat: LayoutStat): boolean;
}

export function createVerifiedFiles(): VerifiedFiles {
  const files = new Map<Digest, { readonly version: string; readonly durable: boolean }>();
  const find = ({ digest }: Descriptor, stat: LayoutStat): { readonly durable: boolean } | undefined => {
    const known = files.get(digest);
    return known?.version === versionOf(stat) ? known : undefined;
  };
  return {
    remember: ({ digest }, stat, { durable }) => void files.set(digest, { version: versionOf(stat), durable }),
    isVerified: (descriptor, stat) => find(descriptor, stat) !== undefined,
    isDurable: (descriptor, stat) => find(descriptor, stat)?.durable === true,
  };
}

/** The bytes of small blobs that were read lately, each with the version of its file. */
interface KeptBytes {
  keep(descriptor: Descriptor, kept: KeptBlob): void;
  of(descriptor: Descriptor): KeptBlob | undefined;
}

interface KeptBlob {
  readonly version: string;
  readonly bytes: Uint8Array;
}

/** What is kept costs no more memory than this. */
const KEPT_BYTES = 16 * 1024 * 1024;
/** What keeping bytes costs besides them. */
const KEPT_COST = 512;

/** Keeps bytes in two halves: when the young one is full it takes the place of the old one. */
export function createKeptBytes(): KeptBytes {
  let [young, old, cost] = [new Map<Digest, KeptBlob>(), new Map<Digest, KeptBlob>(), 0];
  return {
    keep({ digest }, blob) {
      if (cost > KEPT_BYTES / 2) [young, old, cost] = [new Map(), young, 0];
      cost += blob.bytes.length + KEPT_COST;
      young.set(digest, blob);
    },
    of: ({ digest }) => young.get(digest) ?? old.get(digest),
  };
}

/** The same for two looks at a file that did not change between them; another file, or another content, has another. */
export function versionOf({ inode, size, changed }: LayoutStat): string {
  return `${inode} ${size} ${changed}`;
}

/** The names in a directory; none when it is not there. */
export async function readDirectory({ fs }: Pick<LayoutContext, 'fs'>, path: string): Promise<readonly string[]> {
  return (await unlessMissing(fs.readdir(path))) ?? [];
}
