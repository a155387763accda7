import { join } from 'node:path';
import { StoreError } from '../../errors/index.js';
import type { ImagePulledRecord, PulledRecords } from '../../image-access/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { withRecordChecks } from '../../image-access/inner.js';
import { quote } from '../../internal/index.js';
import { type Decoded, decodeIntent, decodeRecord } from './records-decode.js';
import { encodeIntent, encodeRecord, recordFileName } from './records-encode.js';
import { openRecordFiles, type RecordFiles } from './records-files.js';

/** As many as kubelet keeps in memory. */
const MAX_CACHED_INTENTS = 1_024;
const MAX_CACHED_RECORDS = 2_000;

/**
 * Opens kubelet's records of its pulls: files in `image_manager/pulling` and `image_manager/pulled` below its root, in its
 * own format, so that either can go on where the other stopped.
 *
 * What kubelet 1.33 and 1.34 wrote is written anew, as kubelet 1.35 does at its start. A file that cannot be decoded stays
 * as it is: its image has to be pulled again. One program at a time may use the directory: stop kubelet first. What was
 * used last is kept in memory, so that a file which somebody else writes is not seen at once.
 *
 * The records hold hashes of credentials without salt, as in kubelet; the directories are for their owner alone.
 *
 * @param rootDirectory - kubelet's root directory, by default `/var/lib/kubelet`; what is missing is made
 * @returns the records, for `createImageManager`. What is written is on the disk when its promise resolves.
 * @throws {@link StoreError} `ERR_STORE` when a directory cannot be made or read
 * @example
 * ```ts
 * import { openPulledRecords } from 'kubepull/node';
 *
 * const records = await openPulledRecords('/var/lib/kubelet');
 * for (const { imageRef, credentialMapping } of await records.listRecords())
 *   console.log(imageRef, [...credentialMapping.keys()]);
 * ```
 * @see fsPullRecordsAccessor in kubernetes pkg/kubelet/images/pullmanager/fs_pullrecords.go, v1.35
 * @public
 */
export async function openPulledRecords(rootDirectory: string): Promise<PulledRecords> {
  check('Cannot keep records', { rootDirectory }, { rootDirectory: is.text });
  const manager = join(rootDirectory, 'image_manager');
  const intents = await openDirectory(join(manager, 'pulling'), {
    maxCached: MAX_CACHED_INTENTS,
    keyOf: (image) => image,
    decode: decodeIntent,
    encode: encodeIntent,
  });
  const records = await openDirectory<ImagePulledRecord>(join(manager, 'pulled'), {
    maxCached: MAX_CACHED_RECORDS,
    keyOf: ({ imageRef }) => imageRef,
    decode: decodeRecord,
    encode: encodeRecord,
  });
  return withRecordChecks({
    writeIntent: intents.write,
    hasIntent: async (image) => (await intents.read(image)) !== undefined,
    deleteIntent: intents.remove,
    listIntents: intents.list,
    readRecord: records.read,
    writeRecord: records.write,
    deleteRecord: records.remove,
    listRecords: records.list,
  });
}

/** How values of one kind stand in files. */
interface Format<T> {
  readonly maxCached: number;
  /** What the name of the file is made of. */
  keyOf(value: T): string;
  decode(bytes: Uint8Array): Decoded<T>;
  encode(value: T): string;
}

interface RecordDirectory<T> {
  read(key: string): Promise<T | undefined>;
  write(value: T): Promise<void>;
  remove(key: string): Promise<void>;
  list(): Promise<readonly T[]>;
}

async function openDirectory<T>(path: string, format: Format<T>): Promise<RecordDirectory<T>> {
  const { maxCached, keyOf, decode, encode } = format;
  const files = await openRecordFiles(path);
  const { found, isWhole } = await readAll(files, decode);
  const entries = found.map(({ value }) => [keyOf(value), value] as const);
  const cache = createRecordCache(maxCached, { entries, isWhole });
  /** A change that failed may have been made all the same, as when the directory could not be synced. */
  const change = async (key: string, step: () => Promise<void>): Promise<void> => {
    try {
      await step();
    } catch (error) {
      cache.forget(key);
      throw error;
    }
  };
  const write = async (value: T): Promise<void> => {
    const key = keyOf(value);
    await change(key, () => files.write(recordFileName(key), encode(value)));
    cache.set(key, value);
  };
  for (const { value, isCurrent } of found) if (!isCurrent) await write(value).catch(ignoreStoreError);
  return {
    async read(key) {
      const known = cache.get(key);
      if (known !== undefined || cache.isComplete) return known;
      const decoded = await readFile(files, recordFileName(key), decode);
      if (decoded === undefined || keyOf(decoded.value) !== key) return undefined;
      cache.set(key, decoded.value);
      return decoded.value;
    },
    write,
    async remove(key) {
      await change(key, () => files.remove(recordFileName(key)));
      cache.delete(key);
    },
    list: async () => (await readAll(files, decode)).found.map(({ value }) => value),
  };
}

type Decode<T> = (bytes: Uint8Array) => Decoded<T>;
type Readable<T> = Extract<Decoded<T>, { readonly ok: true }>;

/** `undefined` when there is no such file; rejects when it cannot be read or decoded. */
async function readFile<T>(files: RecordFiles, name: string, decode: Decode<T>): Promise<Readable<T> | undefined> {
  const bytes = await files.read(name);
  if (bytes === undefined) return undefined;
  const decoded = decode(bytes);
  if (decoded.ok) return decoded;
  throw new StoreError(`Cannot decode ${quote(name)}: ${decoded.reason}`, { operation: 'decode' });
}

/** What can be read of a directory, and whether that is all. */
async function readAll<T>(
  files: RecordFiles,
  decode: Decode<T>,
): Promise<{ readonly found: readonly Readable<T>[]; readonly isWhole: boolean }> {
  const found: Readable<T>[] = [];
  let isWhole = true;
  for (const name of await files.list()) {
    try {
      const decoded = await readFile(files, name, decode);
      if (decoded !== undefined) found.push(decoded);
    } catch (error) {
      ignoreStoreError(error);
      isWhole = false;
    }
  }
  return { found, isWhole };
}

/** As kubelet does: what cannot be read or written anew is as good as it was. */
function ignoreStoreError(error: unknown): void {
  if (!(error instanceof StoreError)) throw error;
}

/** What is known of the files without looking: those used last. */
interface RecordCache<V> {
  /** `undefined` when it is not known. */
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  /** From now on it is not known. */
  forget(key: string): void;
  /** Whether what is not known is not there either. */
  readonly isComplete: boolean;
}

/**
 * Makes a cache of the files of a directory, with what a first listing has found.
 *
 * @param listed - `isWhole` when every file could be read
 * @see cachedPullRecordsAccessor in kubernetes pkg/kubelet/images/pullmanager/mem_pullrecords.go, v1.35
 */
export function createRecordCache<V>(
  maxEntries: number,
  listed: { readonly entries: Iterable<readonly [string, V]>; readonly isWhole: boolean },
): RecordCache<V> {
  const entries = new Map<string, V>();
  let isComplete = listed.isWhole;
  const set = (key: string, value: V): void => {
    entries.delete(key);
    entries.set(key, value);
    const [oldest] = entries.keys();
    if (entries.size <= maxEntries || oldest === undefined) return;
    entries.delete(oldest);
    isComplete = false;
  };
  for (const [key, value] of listed.entries) set(key, value);
  return {
    get(key) {
      const value = entries.get(key);
      if (value !== undefined) set(key, value);
      return value;
    },
    set,
    delete: (key) => void entries.delete(key),
    forget(key) {
      entries.delete(key);
      isComplete = false;
    },
    get isComplete() {
      return isComplete;
    },
  };
}
