import type { Clock } from '../clock/index.js';
import { ImageError, isImageError } from '../errors/index.js';
import type { Transport, TransportResponse } from './transport.js';

/**
 * How requests are repeated.
 *
 * @public
 */
export interface RetryOptions {
  readonly clock: Clock;
  /** A number from 0 up to 1, for jitter. */
  readonly random: () => number;
  /**
   * Requests in all, a whole number from 1.
   *
   * @defaultValue 5
   */
  readonly attempts?: number | undefined;
}

const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 60_000;
const RETRYABLE: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** Whether the same request may succeed later. */
export function isRetryableStatus(status: number): boolean {
  return RETRYABLE.has(status);
}

/**
 * Wraps a transport so that GET and HEAD are repeated when the server is busy or the connection fails before the answer
 * begins. It is the one owner of retries: nothing above it repeats a request. A cut body is the puller's to resume.
 *
 * The pause doubles from 250 ms, with jitter; `Retry-After` is honoured up to 60 s.
 *
 * @param next - sends one request
 * @param options - clock, randomness and the number of attempts
 * @returns a transport of the same kind
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when `attempts` is not a whole number from 1
 * @example
 * ```ts
 * import { systemClock } from 'kubepull/clock';
 * import { fetchTransport, withRetry } from 'kubepull/distribution';
 *
 * const transport = withRetry(fetchTransport(), { clock: systemClock, random: () => 0.5 });
 * ```
 * @public
 */
export function withRetry(next: Transport, { clock, random, attempts = 5 }: RetryOptions): Transport {
  if (!Number.isSafeInteger(attempts) || attempts < 1) {
    throw new ImageError(
      'ERR_OPTION_INVALID',
      `Cannot retry ${attempts} times: attempts must be a whole number from 1`,
    );
  }
  return async (request) => {
    const repeatable = request.method === 'GET' || request.method === 'HEAD';
    for (let attempt = 1; ; attempt += 1) {
      const last = !repeatable || attempt === attempts;
      let pause = FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + random() / 2);
      try {
        const response = await next(request);
        if (last || !isRetryableStatus(response.status)) return response;
        pause = retryAfterMs(response, clock) ?? pause;
        await response.discard();
      } catch (error) {
        if (last || !isImageError(error) || error.code !== 'ERR_TRANSPORT' || !error.retryable) throw error;
      }
      await clock.sleep(Math.min(pause, MAX_PAUSE_MS), { signal: request.signal });
    }
  };
}

/** The server's `Retry-After` in milliseconds from now: a number of seconds, or a date; `undefined` when it is neither. */
export function retryAfterMs({ headers }: TransportResponse, clock: Clock): number | undefined {
  const [value = ''] = headers.get('retry-after') ?? [];
  if (/^\d+$/.test(value)) return Math.min(Number(value) * 1000, Number.MAX_SAFE_INTEGER);
  const date = /^[A-Z][a-z]{2}, /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - clock.now());
}
