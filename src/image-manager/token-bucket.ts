import type { Clock } from '../clock/index.js';

/** A bucket of tokens that fills with time. */
export interface TokenBucket {
  /** Takes a token if there is one; never waits. */
  tryTake(): boolean;
}

/**
 * Full at first, with `burst` tokens, and refilled with `qps` a second. With 0 a second there is no limit.
 *
 * @see NewTokenBucketRateLimiter in k8s.io/client-go util/flowcontrol
 */
export function createTokenBucket(qps: number, burst: number, clock: Pick<Clock, 'monotonic'>): TokenBucket {
  if (qps === 0) return { tryTake: () => true };
  // Thousandths of tokens, so that whole milliseconds add up without rounding.
  let level = burst * 1000;
  let last = clock.monotonic();
  return {
    tryTake() {
      const now = clock.monotonic();
      level = Math.min(burst * 1000, level + (now - last) * qps);
      last = now;
      if (level < 1000) return false;
      level -= 1000;
      return true;
    },
  };
}
