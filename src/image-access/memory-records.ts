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
  return {
    async writeIntent(image) {
      checkImage(image);
      intents.add(image);
    },
    async hasIntent(image) {
      checkImage(image);
      return intents.has(image);
    },
    async deleteIntent(image) {
      checkImage(image);
      intents.delete(image);
    },
    listIntents: async () => [...intents],
    async readRecord(imageRef) {
      checkImage(imageRef);
      return records.get(imageRef);
    },
    async writeRecord(record) {
      check('Cannot keep records', { record }, { record: kinds.pulledRecord });
      records.set(record.imageRef, record);
    },
    async deleteRecord(imageRef) {
      checkImage(imageRef);
      records.delete(imageRef);
    },
    listRecords: async () => [...records.values()],
  };
}

function checkImage(image: string): void {
  check('Cannot keep records', { image }, { image: is.text });
}
