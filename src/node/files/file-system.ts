import {
  type BigIntStats,
  close,
  constants,
  fchmod,
  fstat,
  fsync,
  lstat,
  mkdir,
  open,
  read,
  readdir,
  realpath,
  rename,
  rmdir,
  unlink,
  writev,
} from 'node:fs';
import process from 'node:process';
import { type Kind } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';

/**
 * What a layout asks about a file.
 *
 * @public
 */
export interface LayoutStat {
  /** What it is; a link counts as `link`, whatever it leads to. */
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  /** The size in bytes; of use for files only. */
  readonly size: number;
  /** Device and number of the inode: equal for two names of one file, and for nothing else at the same time. */
  readonly inode: string;
  /** When the content last changed, in nanoseconds since the epoch. */
  readonly changed: bigint;
  /** When anything about it last changed: content, mode or name. Nobody can set it to another time. */
  readonly touched: bigint;
  /**
   * Whether the file is this process's user's and has mode 0400, so that nobody else has written it. Where that cannot be
   * told, nothing that an earlier process wrote down about the layout is trusted.
   */
  readonly sealed?: boolean | undefined;
}

/**
 * An open file of a layout.
 *
 * @public
 */
export interface LayoutFile {
  /** Its descriptor, where it is open in this process itself: others may read and write the file by that. */
  readonly fd?: number | undefined;
  /** Reads at a position; resolves to the number of bytes read, 0 at the end. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes parts behind each other from a position; resolves to the number of bytes written, which may be fewer. */
  write(parts: readonly Uint8Array[], position: number): Promise<number>;
  /** Looks at the open file, whatever has its name by now. */
  stat(): Promise<LayoutStat>;
  /** Sets the permission bits, such as `0o400`. */
  chmod(mode: number): Promise<void>;
  /** Forces content and size to the disk. */
  sync(): Promise<void>;
  /** Closes the file, after the calls on it that are under way. */
  close(): Promise<void>;
}

/**
 * The file-system calls of an OCI layout. Each fails with an error that has the system's `code`.
 *
 * @public
 */
export interface LayoutFileSystem {
  /** The absolute path, with every link in it followed; fails when nothing is there. */
  realpath(path: string): Promise<string>;
  /** Opens for reading. It does not follow a link, and does not wait for the other end of a pipe. */
  open(path: string): Promise<LayoutFile>;
  /** Opens a new file for reading and writing, with mode 0600; fails when anything has the name, also a link to nowhere. */
  create(path: string): Promise<LayoutFile>;
  /** Looks at the name itself, not at what it links to. */
  lstat(path: string): Promise<LayoutStat>;
  /** Makes one directory, whose parent is there; fails with `EEXIST` when anything has the name. */
  mkdir(path: string): Promise<void>;
  /** The names of what is in a directory, without the path. */
  readdir(path: string): Promise<readonly string[]>;
  /** Replaces a file, or an empty directory, in one step. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or a link and not what it leads to. */
  unlink(path: string): Promise<void>;
  /** Removes an empty directory. */
  rmdir(path: string): Promise<void>;
  /** Forces the names in a directory to the disk. */
  syncDirectory(path: string): Promise<void>;
}

// Windows has neither; there, O_CREAT with O_EXCL refuses links, and nothing waits.
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDWR, O_CREAT, O_EXCL } = constants;

/**
 * The real file system.
 *
 * @public
 */
export const nodeFileSystem: LayoutFileSystem = {
  realpath: (path) => promised((done) => realpath.native(path, done)),
  open: async (path) => layoutFile(await openFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)),
  create: async (path) => layoutFile(await openFile(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW)),
  lstat: async (path) => layoutStat(await promised<BigIntStats>((done) => lstat(path, { bigint: true }, done))),
  mkdir: (path) => promised((done) => mkdir(path, done)),
  readdir: (path) => promised<string[]>((done) => readdir(path, done)),
  rename: (from, to) => promised((done) => rename(from, to, done)),
  unlink: (path) => promised((done) => unlink(path, done)),
  rmdir: (path) => promised((done) => rmdir(path, done)),
  syncDirectory: async (path) => {
    const directory = layoutFile(await openFile(path, O_RDONLY | O_NOFOLLOW));
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
};

export const fileSystemKind: Kind = is.having(
  'a file system, such as nodeFileSystem',
  'realpath',
  'open',
  'create',
  'lstat',
  'mkdir',
  'readdir',
  'rename',
  'unlink',
  'rmdir',
  'syncDirectory',
);

/** What `node:fs` tells a function. Its own promises, and the handles that they give, take twice the time for a small file. */
function promised<T = void>(call: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error === null ? resolve(value as T) : reject(error)));
  });
}

function openFile(path: string, flags: number): Promise<number> {
  return promised((done) => open(path, flags, 0o600, done));
}

/** An open file by its number, which the system gives to another file as soon as it is closed. */
function layoutFile(number: number): LayoutFile {
  let calls = 0;
  let closing: Promise<void> | undefined;
  let lastHasEnded: () => void = () => undefined;
  const use = async <T = void>(call: (done: (error: Error | null, value?: T) => void) => void): Promise<T> => {
    if (closing !== undefined) throw Object.assign(new Error('The file is closed'), { code: 'EBADF' });
    calls += 1;
    try {
      return await promised(call);
    } finally {
      calls -= 1;
      if (calls === 0) lastHasEnded();
    }
  };
  const end = async (): Promise<void> => {
    if (calls > 0) await new Promise<void>((resolve) => void (lastHasEnded = resolve));
    await promised((done) => close(number, done));
  };
  return {
    fd: number,
    read: (into, position) => use<number>((done) => read(number, into, 0, into.length, position, done)),
    write: (parts, position) => use<number>((done) => writev(number, parts as Uint8Array[], position, done)),
    stat: async () => layoutStat(await use<BigIntStats>((done) => fstat(number, { bigint: true }, done))),
    chmod: (mode) => use((done) => fchmod(number, mode, done)),
    sync: () => use((done) => fsync(number, done)),
    close: () => (closing ??= end()),
  };
}

function layoutStat(stat: BigIntStats): LayoutStat {
  return {
    kind: kindOf(stat),
    size: Number(stat.size),
    inode: `${stat.dev}:${stat.ino}`,
    changed: stat.mtimeNs,
    touched: stat.ctimeNs,
    sealed: process.geteuid && Number(stat.uid) === process.geteuid() && (stat.mode & 0o777n) === 0o400n,
  };
}

function kindOf(stat: BigIntStats): LayoutStat['kind'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  return stat.isSymbolicLink() ? 'link' : 'other';
}
