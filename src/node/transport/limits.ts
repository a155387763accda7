import type { UndiciTransportOptions } from './options.js';

/** Stands as code in the error of an exchange that took too long. */
export const HEADERS_LATE = 'ERR_KUBEPULL_HEADERS_LATE';
export const BODY_SLOW = 'ERR_KUBEPULL_BODY_SLOW';

/** How long the parts of an exchange may take. */
export interface TransportLimits {
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly minBytesPerSecond: number;
  readonly minRateWindowMs: number;
}

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

export function transportLimits(options: UndiciTransportOptions): TransportLimits {
  const {
    headersTimeoutMs = 30_000,
    bodyTimeoutMs = 30_000,
    minBytesPerSecond = 1024,
    minRateWindowMs = 60_000,
  } = options;
  return { headersTimeoutMs, bodyTimeoutMs, minBytesPerSecond, minRateWindowMs };
}

/**
 * Ends an exchange whose answer does not begin in time, or comes too slowly. Undici's own limits start again with every
 * informational answer, and with every byte.
 */
export function createWatchdog(limits: TransportLimits, expire: (error: Error) => void): Watchdog {
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
    if (received < least) expire(tooSlow(BODY_SLOW));
    else restart();
  };
  const stop = (): void => {
    ended = true;
    clearTimeout(timer);
  };
  let timer = setTimeout(() => expire(tooSlow(HEADERS_LATE)), headersTimeoutMs);
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

function tooSlow(code: string): Error {
  return Object.assign(new Error(code), { code });
}
