import type { Clock } from '../clock/index.js';
import type { DockerConfigEntry } from '../docker-config/index.js';

const PURGE_INTERVAL_MS = 15 * 60_000;

/** The answers of one plugin, each until it expires. */
export interface AnswerCache {
  get(key: string): readonly DockerConfigEntry[] | undefined;
  set(key: string, entries: readonly DockerConfigEntry[], durationMs: number): void;
  readonly size: number;
}

/**
 * Keeps answers by the monotonic clock, so that a jump of the wall clock neither keeps nor drops one. There is no limit
 * of size, as in kubelet; what is expired goes when it is touched, and all of it when a quarter of an hour has passed.
 */
export function createAnswerCache(clock: Clock): AnswerCache {
  const answers = new Map<string, { readonly entries: readonly DockerConfigEntry[]; readonly expiresAt: number }>();
  let purgedAt = clock.monotonic();
  const purge = (now: number): void => {
    if (now - purgedAt <= PURGE_INTERVAL_MS) return;
    purgedAt = now;
    for (const [key, { expiresAt }] of answers) if (now > expiresAt) answers.delete(key);
  };
  return {
    get size() {
      return answers.size;
    },
    get(key) {
      const now = clock.monotonic();
      purge(now);
      const answer = answers.get(key);
      if (answer === undefined || now <= answer.expiresAt) return answer?.entries;
      answers.delete(key);
      return undefined;
    },
    set(key, entries, durationMs) {
      answers.set(key, { entries, expiresAt: clock.monotonic() + durationMs });
    },
  };
}
