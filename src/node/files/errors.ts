import { StoreError } from '../../errors/index.js';
import { printable, quote } from '../../internal/index.js';
import type { LayoutFile, LayoutFileSystem } from './file-system.js';

const REASONS: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'permission denied'],
  ['EDQUOT', 'the disk quota is used up'],
  ['EEXIST', 'something has that name'],
  ['EIO', 'the device failed'],
  ['EISDIR', 'it is a directory'],
  ['ELOOP', 'it is a symbolic link'],
  ['EMFILE', 'too many files are open'],
  ['ENAMETOOLONG', 'the path is too long'],
  ['ENOENT', 'it does not exist'],
  ['ENOSPC', 'no space is left'],
  ['ENOTDIR', 'it is not a directory'],
  ['EROFS', 'the file system is read-only'],
]);

/** The same file system, whose errors are a `StoreError` that says what was done to what. */
export function withStoreErrors(fs: LayoutFileSystem): LayoutFileSystem {
  return {
    realpath: (path) => guard('realpath', path, () => fs.realpath(path)),
    open: (path) => guard('open', path, async () => fileWithStoreErrors(await fs.open(path), path)),
    create: (path) => guard('create', path, async () => fileWithStoreErrors(await fs.create(path), path)),
    lstat: (path) => guard('lstat', path, () => fs.lstat(path)),
    mkdir: (path) => guard('mkdir', path, () => fs.mkdir(path)),
    readdir: (path) => guard('readdir', path, () => fs.readdir(path)),
    rename: (path, to) => guard('rename', path, () => fs.rename(path, to)),
    unlink: (path) => guard('unlink', path, () => fs.unlink(path)),
    rmdir: (path) => guard('rmdir', path, () => fs.rmdir(path)),
    syncDirectory: (path) => guard('fsync', path, () => fs.syncDirectory(path)),
  };
}

function fileWithStoreErrors(file: LayoutFile, path: string): LayoutFile {
  return {
    fd: file.fd,
    read: (into, position) => guard('read', path, () => file.read(into, position)),
    write: async (parts, position) => {
      const written = await guard('write', path, () => file.write(parts, position));
      // Whoever writes the rest until none is left would do so for ever.
      if (!(written > 0)) throw layoutError('write', path, 'the system took no bytes');
      return written;
    },
    stat: () => guard('fstat', path, () => file.stat()),
    chmod: (mode) => guard('chmod', path, () => file.chmod(mode)),
    sync: () => guard('fsync', path, () => file.sync()),
    close: () => guard('close', path, () => file.close()),
  };
}

async function guard<T>(operation: string, path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    return fail(operation, path, error);
  }
}

function fail(operation: string, path: string, error: unknown): never {
  throw systemError(operation, path, error);
}

/** The error for what the system refuses to do to a path. */
export function systemError(operation: string, path: string, error: unknown): StoreError {
  const errno = errnoOf(error);
  const reason = REASONS.get(errno ?? '') ?? 'the system refused';
  const text = errno === undefined ? reason : `${reason} (${printable(errno, 32)})`;
  return new StoreError(`Cannot ${operation} ${quote(path)}: ${text}`, { operation, errno, cause: error });
}

function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Whether a call failed because of this system error. */
export function failedWith(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof StoreError && error.errno !== undefined && codes.includes(error.errno);
}

/** Whether a call succeeded; `false` for the failures named, and the error for any other. */
export async function succeeds(call: Promise<unknown>, ...codes: readonly string[]): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (failedWith(error, ...codes)) return false;
    throw error;
  }
}

/** What a call gives, or `undefined` when nothing has the name. */
export async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** A complaint of our own about what stands at a path. */
export function layoutError(operation: string, path: string, reason: string, cause?: unknown): StoreError {
  return new StoreError(`Cannot ${operation} ${quote(path)}: ${reason}`, { operation, cause });
}

/** For steps that tidy up: their failure is not the caller's. */
export function ignoreStoreError(error: unknown): void {
  if (!(error instanceof StoreError)) throw error;
}
