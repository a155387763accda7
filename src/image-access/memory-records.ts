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
  const intents = new Set(state.intents);
  const records = new Map(Array.from(state.records ?? [], (record) => [record.imageRef, record]));
  return {
    async writeIntent(image) {
      intents.add(image);
    },
    hasIntent: async (image) => intents.has(image),
    async deleteIntent(image) {
      intents.delete(image);
    },
    listIntents: async () => [...intents],
    readRecord: async (imageRef) => records.get(imageRef),
    async writeRecord(record) {
      records.set(record.imageRef, record);
    },
    async deleteRecord(imageRef) {
      records.delete(imageRef);
    },
    listRecords: async () => [...records.values()],
  };
}
