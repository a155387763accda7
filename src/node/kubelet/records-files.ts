import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '../../errors/index.js';
import { printable, quote } from '../../internal/index.js';
import { readBounded } from '../files/read-bounded.js';

/** So large is no record: a hundred secrets take 20 KiB for each repository name. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

const RECORD_NAME = /^sha256-.*(?<!\.tmp)$/s;

/** What Go says for the system's errors. */
const GO_ERRORS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['EACCES', 'permission denied'],
  ['EDQUOT', 'disk quota exceeded'],
  ['EEXIST', 'file exists'],
  ['EIO', 'input/output error'],
  ['EISDIR', 'is a directory'],
  ['ELOOP', 'too many levels of symbolic links'],
  ['EMFILE', 'too many open files'],
  ['ENOENT', 'no such file or directory'],
  ['ENOSPC', 'no space left on device'],
  ['ENOTDIR', 'not a directory'],
  ['EPERM', 'operation not permitted'],
  ['EROFS', 'read-only file system'],
]);

/** The files of one directory of records. */
export interface RecordFiles {
  /** `undefined` when there is none of that name. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** All or nothing, and on the disk before it resolves. Nobody may write the same file at the same time. */
  write(name: string, content: string): Promise<void>;
  /** A success when there is none of that name. */
  remove(name: string): Promise<void>;
  /** The names of all records; what else lies there is left out, as are files half written. */
  list(): Promise<readonly string[]>;
}

/** Opens a directory of records, and makes it when it is not there. */
export async function openRecordFiles(directory: string): Promise<RecordFiles> {
  await makeDirectory(directory);
  return {
    async read(name) {
      const path = join(directory, name);
      try {
        const bytes = await readBounded(path, MAX_FILE_BYTES);
        if (bytes !== undefined) return bytes;
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw failure('read', `open ${path}`, error);
      }
      throw new StoreError(`Cannot read ${quote(path)}: it is no file, or larger than any record`, {
        operation: 'read',
      });
    },
    write: (name, content) => replace(directory, join(directory, name), content),
    async remove(name) {
      const path = join(directory, name);
      try {
        await rm(path, { force: true });
      } catch (error) {
        throw failure('unlink', `remove ${path}`, error);
      }
    },
    async list() {
      try {
        const entries = await readdir(directory, { withFileTypes: true });
        return entries.filter((entry) => !entry.isDirectory() && RECORD_NAME.test(entry.name)).map(({ name }) => name);
      } catch (error) {
        throw failure('readdir', `open ${directory}`, error);
      }
    },
  };
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw failure('mkdir', `failed to create directory ${quote(directory)}: mkdir ${directory}`, error);
  }
}

/** The name in between is kubelet's, so that one left by a crash is overwritten by whoever comes next. */
async function replace(directory: string, path: string, content: string): Promise<void> {
  const between = `${path}.tmp`;
  await makeDirectory(directory);
  try {
    await writeWhole(between, content);
  } catch (error) {
    await rm(between, { force: true }).catch(() => undefined);
    throw failure('write', `failed to create temporary file ${quote(between)}: open ${between}`, error);
  }
  try {
    await rename(between, path);
    await syncDirectory(directory);
  } catch (error) {
    await rm(between, { force: true }).catch(() => undefined);
    throw failure('rename', `rename ${between} ${path}`, error);
  }
}

async function writeWhole(path: string, content: string): Promise<void> {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW = 0 } = constants;
  const file = await open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  await closing(file, async () => {
    await file.writeFile(content);
    await file.sync();
  });
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  await closing(directory, () => directory.sync());
}

async function closing(file: FileHandle, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } finally {
    await file.close();
  }
}

/** In the words of Go, because kubelet's texts quote them. */
function failure(operation: string, action: string, error: unknown): StoreError {
  const errno = errnoOf(error);
  const reason = GO_ERRORS.get(errno ?? '') ?? printable(errno ?? 'the system refused', 32);
  return new StoreError(`${action}: ${reason}`, { operation, errno, cause: error });
}

function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}
