import { StoreError } from '../errors/index.js';
import { printable, quote } from '../internal/index.js';
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
  const onPath =
    <A extends readonly unknown[], T>(operation: string, call: (path: string, ...rest: A) => Promise<T>) =>
    (path: string, ...rest: A): Promise<T> =>
      call(path, ...rest).catch((error: unknown) => fail(operation, path, error));
  const opened = (operation: 'open' | 'create') =>
    onPath(operation, async (path) => fileWithStoreErrors(await fs[operation](path), path));
  return {
    realpath: onPath('realpath', fs.realpath),
    open: opened('open'),
    create: opened('create'),
    lstat: onPath('lstat', fs.lstat),
    mkdir: onPath('mkdir', fs.mkdir),
    readdir: onPath('readdir', fs.readdir),
    rename: onPath('rename', fs.rename),
    unlink: onPath('unlink', fs.unlink),
    rmdir: onPath('rmdir', fs.rmdir),
    syncDirectory: onPath('fsync', fs.syncDirectory),
  };
}

function fileWithStoreErrors(file: LayoutFile, path: string): LayoutFile {
  const guard =
    <A extends readonly unknown[], T>(operation: string, call: (...args: A) => Promise<T>) =>
    (...args: A): Promise<T> =>
      call(...args).catch((error: unknown) => fail(operation, path, error));
  return {
    read: guard('read', file.read),
    write: guard('write', file.write),
    stat: guard('fstat', file.stat),
    chmod: guard('chmod', file.chmod),
    sync: guard('fsync', file.sync),
    close: guard('close', file.close),
  };
}

function fail(operation: string, path: string, error: unknown): never {
  const errno = errnoOf(error);
  const reason = REASONS.get(errno ?? '') ?? 'the system refused';
  const text = errno === undefined ? reason : `${reason} (${printable(errno, 32)})`;
  throw new StoreError(`Cannot ${operation} ${quote(path)}: ${text}`, { operation, errno, cause: error });
}

function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Whether a call failed because of this system error. */
export function failedWith(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof StoreError && error.errno !== undefined && codes.includes(error.errno);
}

/** A complaint of our own about what stands at a path. */
export function layoutError(operation: string, path: string, reason: string, cause?: unknown): StoreError {
  return new StoreError(`Cannot ${operation} ${quote(path)}: ${reason}`, { operation, cause });
}
