import { untilAbort } from '../../internal/index.js';

/** How long the parts of an exchange over `fetch` may take. */
export interface FetchLimits {
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly minBytesPerSecond: number;
  readonly minRateWindowMs: number;
}

/** Watches over one exchange. Its signal ends the exchange, when the caller's does or when it takes too long. */
export interface FetchTimer {
  readonly signal: AbortSignal;
  /** Waits for the answer. */
  answer<T>(step: Promise<T>): Promise<T>;
  /** Waits for the next bytes of the body. */
  chunk<T>(step: Promise<T>, length: (result: T) => number): Promise<T>;
  /** The exchange has ended well. */
  end(): void;
  /** Ends the exchange. */
  stop(): void;
}

export function createFetchTimer(caller: AbortSignal | undefined, limits: FetchLimits): FetchTimer {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(caller?.reason);
  caller?.addEventListener('abort', onAbort, { once: true });
  const end = (): void => caller?.removeEventListener('abort', onAbort);
  const least = (limits.minBytesPerSecond * limits.minRateWindowMs) / 1000;
  let waited = 0;
  let received = 0;

  /** A runtime may be slow to end what was aborted, or not do it at all. */
  const within = async <T>(ms: number, step: Promise<T>): Promise<T> => {
    const late = setTimeout(() => controller.abort(new Error('late')), ms);
    try {
      return await untilAbort(step, controller.signal);
    } finally {
      clearTimeout(late);
    }
  };
  return {
    signal: controller.signal,
    answer: (step) => within(limits.headersTimeoutMs, step),
    async chunk(step, length) {
      const started = performance.now();
      const result = await within(limits.bodyTimeoutMs, step);
      // Only the time spent waiting counts: the reader may be slow.
      waited += performance.now() - started;
      received += length(result);
      if (waited < limits.minRateWindowMs) return result;
      if (received < least) throw new Error('slow');
      waited = received = 0;
      return result;
    },
    end,
    stop() {
      end();
      controller.abort();
    },
  };
}
