/** What is known of the files without looking: those used last. */
interface RecordCache<V> {
  /** `undefined` when it is not known. */
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
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
    get isComplete() {
      return isComplete;
    },
  };
}
