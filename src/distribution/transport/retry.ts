import type { Clock } from '../../clock/index.js';
import {
  type FollowedResponse,
  orDiscard,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from './transport.js';
import { type AnyImageError, isImageError, RegistryError, type TransportError } from '../../errors/index.js';
import { check, type Kind, type Kinds } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { redactUrl } from '../../internal/index.js';

/**
 * A request that will be sent again.
 *
 * @public
 */
export interface RequestRetry {
  /** Why: the answer, without the registry's own words, or the failed connection. It says which request it is. */
  readonly error: AnyImageError;
  /** Milliseconds until it is sent again. */
  readonly delayMs: number;
}

/**
 * How requests are repeated.
 *
 * @public
 */
export interface RetryOptions {
  /** Waits between attempts, and reads dates of `Retry-After`. */
  readonly clock: Clock;
  /** A number from 0 up to 1, for jitter. */
  readonly random: () => number;
  /**
   * Requests in all, a whole number from 1.
   *
   * @defaultValue 5
   */
  readonly attempts?: number | undefined;
  /**
   * Milliseconds that the pauses of one request may take together; the answer stands that would need more.
   *
   * @defaultValue 120,000
   */
  readonly budgetMs?: number | undefined;
  /** Hears of each request that is repeated, before the pause. */
  readonly onRetry?: ((retry: RequestRetry) => void) | undefined;
}

const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 60_000;
const BUDGET_MS = 120_000;
/** Times that a document is read, each of which may be several requests. */
const MAX_READS = 3;
const TOO_MANY_REQUESTS = 429;
/** Among them those of nginx, whose client hung up (499), and of Cloudflare, whose origin did not answer (520 to 527). */
const RETRYABLE: ReadonlySet<number> = new Set([
  408,
  TOO_MANY_REQUESTS,
  499,
  500,
  502,
  503,
  504,
  520,
  521,
  522,
  523,
  524,
  525,
  526,
  527,
]);

/** Whether the same request may succeed later. */
export function isRetryableStatus(status: number): boolean {
  return RETRYABLE.has(status);
}

/**
 * Wraps a transport so that GET and HEAD are repeated when the server is busy or the connection fails before the answer
 * begins; any other request only when it was turned away for being one too many (429), because then nothing was done. It
 * is the one owner of retries: nothing above it repeats a request. The cut body of a blob is the puller's to resume.
 *
 * The pause doubles from 250 ms, with jitter; `Retry-After` is honoured up to 60 s.
 *
 * @param next - sends one request
 * @param options - clock, randomness, the number of attempts and the time for pauses
 * @returns a transport of the same kind
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when an option is of the wrong kind, such as `attempts` that is not a whole
 * number from 1
 * @example
 * ```ts
 * import { systemClock } from 'kubepull/clock';
 * import { createFetchTransport, withRetry } from 'kubepull/distribution';
 *
 * const transport = withRetry(createFetchTransport(), { clock: systemClock, random: () => 0.5 });
 * ```
 * @public
 */
export function withRetry(next: Transport, options: RetryOptions): Transport {
  check('Cannot retry', { next }, { next: is.callable });
  check<RetryOptions>('Cannot retry', options, { clock: is.clock, random: is.callable, ...retryMembers });
  const { clock, attempts = 5, budgetMs = BUDGET_MS, onRetry } = options;
  return async (request) => {
    let left = budgetMs;
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await settle(next(request));
      // An abort is final, even one whose reason is such an error, of another request that this one goes down with.
      if (attempt === attempts || request.signal?.aborted || !isPassing(request, outcome)) return take(outcome);
      const pause = await orDiscard(outcome.response, () => pauseBefore(attempt, outcome, options));
      if (pause > left) return take(outcome);
      left -= pause;
      await outcome.response?.discard();
      const error = onRetry === undefined ? undefined : reasonOf(request, outcome, clock);
      if (error !== undefined) onRetry?.({ error, delayMs: pause });
      await clock.sleep(pause, { signal: request.signal });
    }
  };
}

/** Sends a request and reads the answer; both again when the answer was cut. */
export type ReadAgain = <T>(exchange: Exchange<T>, signal: AbortSignal | undefined) => Promise<T>;

/** A request for a document. */
export interface Exchange<T> {
  send(): Promise<FollowedResponse>;
  read(followed: FollowedResponse): Promise<T>;
}

/**
 * Asks for documents again whose body was cut. They are whole in memory or not at all, so that there is nothing to
 * resume. What sending fails with has been repeated already.
 */
export function createReadAgain({ attempts = MAX_READS, ...options }: RetryOptions): ReadAgain {
  const { clock, budgetMs = BUDGET_MS, onRetry } = options;
  return async ({ send, read }, signal) => {
    let left = budgetMs;
    for (let attempt = 1; ; attempt += 1) {
      const followed = await send();
      try {
        return await read(followed);
      } catch (error) {
        const delayMs = pauseBefore(attempt, { error }, options);
        left -= delayMs;
        if (attempt >= Math.min(attempts, MAX_READS) || signal?.aborted || left < 0 || !isCut(error)) throw error;
        onRetry?.({ error, delayMs });
        await clock.sleep(delayMs, { signal });
      }
    }
  };
}

/** Whether an answer began well, and broke off. What fails before its body is repeated by the session alone. */
export function isCut(error: unknown): error is TransportError {
  return isImageError(error) && error.code === 'ERR_TRANSPORT' && error.phase === 'body' && error.retryable;
}

/** How one request ended. */
type Outcome =
  | { readonly response: TransportResponse; readonly error?: undefined }
  | { readonly response?: undefined; readonly error: unknown };

function settle(sent: Promise<TransportResponse>): Promise<Outcome> {
  return sent.then(
    (response) => ({ response }),
    (error: unknown) => ({ error }),
  );
}

function take({ response, error }: Outcome): TransportResponse {
  if (response === undefined) throw error;
  return response;
}

/** Whether the same request may go better soon, and does no harm when it is sent twice. */
function isPassing({ method, body }: TransportRequest, { response, error }: Outcome): boolean {
  if (method === 'GET' || method === 'HEAD')
    return response === undefined ? isPassingFailure(error) : isRetryableStatus(response.status);
  const repeatable = body === undefined || body instanceof Uint8Array;
  return repeatable && response?.status === TOO_MANY_REQUESTS;
}

function isPassingFailure(error: unknown): boolean {
  return isImageError(error) && error.code === 'ERR_TRANSPORT' && error.retryable;
}

/** The body of a passing answer is not worth waiting for. */
function reasonOf(request: TransportRequest, { response, error }: Outcome, clock: Clock): AnyImageError | undefined {
  if (response === undefined) return isImageError(error) ? error : undefined;
  const { method, shownUrl: url = redactUrl(request.url) } = request;
  const { status } = response;
  return new RegistryError(`Cannot ${method} ${url}: ${status}`, {
    method,
    url,
    status,
    retryable: true,
    retryAfterMs: retryAfterMs(response, clock),
    diagnostics: [],
  });
}

/** With jitter, so that those whom a server turned away together do not come back together. */
function pauseBefore(attempt: number, { response }: Outcome, { clock, random }: RetryOptions): number {
  const pause = FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + random() / 2);
  const asked = response === undefined ? 0 : (retryAfterMs(response, clock) ?? 0);
  // Who wants us to stay away for longer than we will is asked a little earlier than that, not by all at once either.
  if (asked > MAX_PAUSE_MS) return MAX_PAUSE_MS * (1 - random() / 10);
  return Math.max(pause, Math.min(Math.ceil(asked * (1 + random() / 10)), MAX_PAUSE_MS));
}

/** What is left to the caller of a session. */
const retryMembers: Kinds<Omit<RetryOptions, 'clock' | 'random'>> = {
  attempts: /* @__PURE__ */ is.optional(/* @__PURE__ */ is.wholeFrom(1)),
  budgetMs: /* @__PURE__ */ is.optional(/* @__PURE__ */ is.numberFrom(0, Infinity)),
  onRetry: /* @__PURE__ */ is.optional(is.callable),
};

export const retryKind: Kind = /* @__PURE__ */ is.shape(retryMembers, 'an object, such as { attempts: 3 }');

/** The server's `Retry-After` in milliseconds from now: a number of seconds, or a date; `undefined` when it is neither. */
export function retryAfterMs({ headers }: TransportResponse, clock: Clock): number | undefined {
  const [value = ''] = headers.get('retry-after') ?? [];
  if (/^\d+$/.test(value)) return Math.min(Number(value) * 1000, Number.MAX_SAFE_INTEGER);
  const date = /^[A-Z][a-z]{2}, /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - clock.now());
}
