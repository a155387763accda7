import type { ExchangeLimits } from '../../distribution/inner.js';

/** Stands as code in the error of an exchange that took too long. */
export const HEADERS_LATE = 'ERR_KUBEPULL_HEADERS_LATE';
export const BODY_SLOW = 'ERR_KUBEPULL_BODY_SLOW';

/** Watches over one exchange. */
export interface Watchdog {
  /** The request goes on: the wait for an answer begins anew. */
  sent(): void;
  /** The answer has begun. */
  answered(): void;
  received(bytes: number): void;
  /** The reader holds the sender up, who cannot be blamed meanwhile. */
  paused(): void;
  resumed(): void;
  stop(): void;
}

/**
 * Ends an exchange whose answer does not begin in time, or comes too slowly. Undici's own limits start again with every
 * informational answer, and with every byte.
 */
export function createWatchdog(limits: ExchangeLimits, expire: (error: Error) => void): Watchdog {
  const { headersTimeoutMs, minBytesPerSecond, minRateWindowMs } = limits;
  const least = (minBytesPerSecond * minRateWindowMs) / 1000;
  let received = 0;
  let held = false;
  let ended = false;
  const restart = (): void => {
    received = 0;
    if (!ended) timer.refresh();
  };
  const checkRate = (): void => {
    if (held) return;
    if (received < least) expire(faultOf(BODY_SLOW));
    else restart();
  };
  const stop = (): void => {
    ended = true;
    clearTimeout(timer);
  };
  let timer = setTimeout(() => expire(faultOf(HEADERS_LATE)), headersTimeoutMs);
  return {
    sent: restart,
    answered() {
      clearTimeout(timer);
      if (minBytesPerSecond > 0) timer = setTimeout(checkRate, minRateWindowMs);
      else stop();
    },
    received: (bytes) => void (received += bytes),
    paused: () => void (held = true),
    resumed() {
      held = false;
      restart();
    },
    stop,
  };
}

/** An error that says no more than its code. */
export function faultOf(code: string): Error & { readonly code: string } {
  return Object.assign(new Error(code), { code });
}

/** What names a fault; undici has no code for an answer that is not HTTP. */
export function codeOf(error: unknown): string {
  const { code, name = 'unknown' } = (error ?? {}) as { readonly code?: string; readonly name?: string };
  return code ?? name;
}
