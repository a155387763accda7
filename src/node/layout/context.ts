import { setMaxListeners } from 'node:events';
import type { CallOptions, Clock } from '../../clock/index.js';
import type { CreateHasher, Digest } from '../../digest/index.js';
import { createShared, untilAbort } from '../../internal/index.js';
import type { Descriptor } from '../../oci/index.js';
import type { LayoutFileSystem } from '../files/file-system.js';
import type { IndexFile } from './index-file.js';
import type { LayoutOwner } from './owner.js';
import { isRealDirectory, type LayoutPaths } from './places.js';
import type { KeptBytes, RememberedFiles, VerifiedFiles } from './remembered.js';

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
