import { join } from 'node:path';
import { StoreError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import type { PulledRecords } from '../image-manager/index.js';
import { type Decoded, decodeIntent, decodeRecord } from './image-records-decode.js';
import { encodeIntent, encodeRecord, recordFileName } from './image-records-encode.js';
import { openRecordFiles, type RecordFiles } from './image-records-files.js';

/**
 * Opens kubelet's records of its pulls: files in `image_manager/pulling` and `image_manager/pulled` below its root, in its
 * own format, so that either can go on where the other stopped.
 *
 * What kubelet 1.33 and 1.34 wrote is written anew, as kubelet 1.35 does at its start. A file that cannot be decoded stays
 * as it is: its image has to be pulled again. One program at a time may use the directory: stop kubelet first.
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
  const manager = join(rootDirectory, 'image_manager');
  const intents = await openRecordFiles(join(manager, 'pulling'));
  const records = await openRecordFiles(join(manager, 'pulled'));
  const opened: PulledRecords = {
    writeIntent: (image) => intents.write(recordFileName(image), encodeIntent(image)),
    hasIntent: async (image) => (await readFile(intents, recordFileName(image), decodeIntent))?.value === image,
    deleteIntent: (image) => intents.remove(recordFileName(image)),
    listIntents: async () => (await readAll(intents, decodeIntent)).map(({ value }) => value),
    async readRecord(imageRef) {
      const found = await readFile(records, recordFileName(imageRef), decodeRecord);
      return found?.value.imageRef === imageRef ? found.value : undefined;
    },
    writeRecord: (record) => records.write(recordFileName(record.imageRef), encodeRecord(record)),
    deleteRecord: (imageRef) => records.remove(recordFileName(imageRef)),
    listRecords: async () => (await readAll(records, decodeRecord)).map(({ value }) => value),
  };
  for (const { value, isCurrent } of await readAll(intents, decodeIntent))
    if (!isCurrent) await opened.writeIntent(value).catch(ignoreStoreError);
  for (const { value, isCurrent } of await readAll(records, decodeRecord))
    if (!isCurrent) await opened.writeRecord(value).catch(ignoreStoreError);
  return opened;
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

/** What can be read of a directory. */
async function readAll<T>(files: RecordFiles, decode: Decode<T>): Promise<readonly Readable<T>[]> {
  const found: Readable<T>[] = [];
  for (const name of await files.list()) {
    try {
      const decoded = await readFile(files, name, decode);
      if (decoded !== undefined) found.push(decoded);
    } catch (error) {
      ignoreStoreError(error);
    }
  }
  return found;
}

/** As kubelet does: what cannot be read or written anew is as good as it was. */
function ignoreStoreError(error: unknown): void {
  if (!(error instanceof StoreError)) throw error;
}
