const PURGE_INTERVAL_MS = 900_000;

/** Values, each until it expires. */
export interface ExpiringMap<T> {
  get(key: string): T | undefined;
  /** Of more than the most, the one that was set first goes. */
  set(key: string, value: T, lifetimeMs: number): void;
  clear(): void;
  readonly size: number;
}

/**
 * Keeps values by a monotonic clock, so that a jump of the wall clock neither keeps nor drops one. What has expired goes when it is touched, and all of it when a quarter of an hour has passed.
 *
 * @param now - milliseconds of a monotonic clock
 * @param maxEntries - the most that are kept
 */
export function createExpiringMap<T>(now: () => number, maxEntries: number = Infinity): ExpiringMap<T> {
  const kept = new Map<string, { readonly value: T; readonly expiresAt: number }>();
  let purgedAt = now();
  const purge = (time: number): void => {
    if (time - purgedAt <= PURGE_INTERVAL_MS) return;
    purgedAt = time;
    for (const [key, { expiresAt }] of kept) if (time > expiresAt) kept.delete(key);
  };
  return {
    get size() {
      return kept.size;
    },
    get(key) {
      const time = now();
      purge(time);
      const found = kept.get(key);
      if (found === undefined || time <= found.expiresAt) return found?.value;
      kept.delete(key);
      return undefined;
    },
    set(key, value, lifetimeMs) {
      const time = now();
      purge(time);
      kept.delete(key);
      kept.set(key, { value, expiresAt: time + lifetimeMs });
      const [oldest] = kept.keys();
      if (kept.size > maxEntries && oldest !== undefined) kept.delete(oldest);
    },
    clear: () => kept.clear(),
  };
}
