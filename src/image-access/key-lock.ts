/** Lets one at a time do something about one key. */
export interface KeyLock {
  run<T>(key: string, task: () => Promise<T>): Promise<T>;
}

export function createKeyLock(): KeyLock {
  const last = new Map<string, Promise<void>>();
  return {
    async run(key, task) {
      const before = last.get(key);
      let release: () => void = () => undefined;
      const done = new Promise<void>((resolve) => void (release = resolve));
      last.set(key, done);
      await before;
      try {
        return await task();
      } finally {
        if (last.get(key) === done) last.delete(key);
        release();
      }
    },
  };
}
