import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import * as kinds from './kinds.js';
import type { ImagePulledRecord, PulledRecords } from './records.js';

/**
 * Makes pulled records that live as long as the program. After a restart all images count as preloaded.
 *
 * @param state - what to begin with, such as a copy of what another one held
 * @returns the records
 * @example
 * ```ts
 * import { createMemoryRecords } from 'kubepull/image-access';
 *
 * const records = createMemoryRecords();
 * await records.writeIntent('registry.example.com/app:1');
 * ```
 * @public
 */
export function createMemoryRecords(
  state: { readonly intents?: Iterable<string>; readonly records?: Iterable<ImagePulledRecord> } = {},
): PulledRecords {
  const list = is.optional(is.iterable);
  check('Cannot keep records', { state }, { state: is.shape({ intents: list, records: list }) });
  const [intents, given] = [new Set(state.intents), [...(state.records ?? [])]];
  check('Cannot keep records', { intents: [...intents] }, { intents: is.listOf(is.text) });
  check('Cannot keep records', { records: given }, { records: is.listOf(kinds.pulledRecord) });
  const records = new Map(given.map((record) => [record.imageRef, record]));
  return withRecordChecks({
    writeIntent: async (image) => void intents.add(image),
    hasIntent: async (image) => intents.has(image),
    deleteIntent: async (image) => void intents.delete(image),
    listIntents: async () => [...intents],
    readRecord: async (imageRef) => records.get(imageRef),
    writeRecord: async (record) => void records.set(record.imageRef, record),
    deleteRecord: async (imageRef) => void records.delete(imageRef),
    listRecords: async () => [...records.values()],
  });
}

/** The same records; what they are given is checked first. */
export function withRecordChecks(records: PulledRecords): PulledRecords {
  const checked =
    <T>(call: (image: string) => Promise<T>) =>
    async (image: string): Promise<T> => {
      check('Cannot keep records', { image }, { image: is.text });
      return call(image);
    };
  return {
    writeIntent: checked(records.writeIntent),
    hasIntent: checked(records.hasIntent),
    deleteIntent: checked(records.deleteIntent),
    listIntents: records.listIntents,
    readRecord: checked(records.readRecord),
    async writeRecord(record) {
      check('Cannot keep records', { record }, { record: kinds.pulledRecord });
      return records.writeRecord(record);
    },
    deleteRecord: checked(records.deleteRecord),
    listRecords: records.listRecords,
  };
}
