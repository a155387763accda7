import { classifyAddress } from './address.js';
import { exchangeLimitKinds, type ExchangeLimits, exchangeLimits } from './limits.js';
import { isEncoded, requestKind, type Transport, type TransportRequest, type TransportResponse } from './transport.js';
import { RequestRefusedError, TransportError, type TransportPhase } from '../../errors/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { redactUrl, untilAbort } from '../../internal/index.js';

/**
 * How long an exchange over `fetch` may take.
 *
 * @public
 */
export interface FetchTransportOptions {
  /**
   * The longest wait for an answer to begin; connecting, and sending the request, are part of it.
   *
   * @defaultValue 60,000 ms
   */
  readonly headersTimeoutMs?: number | undefined;
  /**
   * The longest silence within a body.
   *
   * @defaultValue 30,000 ms
   */
  readonly bodyTimeoutMs?: number | undefined;
  /**
   * What a body has to bring on average within `minRateWindowMs`, in bytes a second; 0 for no such limit. Time in which
   * nobody reads does not count.
   *
   * @defaultValue 1,024
   */
  readonly minBytesPerSecond?: number | undefined;
  /** The time over which `minBytesPerSecond` is an average. @defaultValue 60,000 ms */
  readonly minRateWindowMs?: number | undefined;
}

/** `fetch` does not tell when the connection stands, so the time for that is in the wait for an answer. */
const HEADERS_MS = 60_000;

/** What one exchange needs on its way. */
interface Exchange {
  readonly request: TransportRequest;
  readonly timer: FetchTimer;
}

/**
 * A transport over `fetch`, for runtimes other than Node.
 *
 * `fetch` tells no peer address, so address rules hold for literal addresses only; and it undoes a `Content-Encoding` by
 * itself, so a body that came with one is refused. A browser hides where redirects lead, and such a request fails. On
 * Node, use `createUndiciTransport` of `kubepull/node`.
 *
 * @param fetch - defaults to the runtime's own
 * @param options - see {@link FetchTransportOptions}
 * @returns the transport
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a limit that is not a whole number
 * @example
 * ```ts
 * import { createFetchTransport } from 'kubepull/distribution';
 *
 * const transport = createFetchTransport();
 * ```
 * @public
 */
export function createFetchTransport(
  fetch: typeof globalThis.fetch = globalThis.fetch,
  options: FetchTransportOptions = {},
): Transport {
  check('Cannot make a transport', { fetch }, { fetch: is.callable });
  check<FetchTransportOptions>('Cannot make a transport', options, exchangeLimitKinds);
  const limits = exchangeLimits(options, HEADERS_MS);
  return async (request) => {
    checkUrl(request);
    request.signal?.throwIfAborted();
    const timer = createFetchTimer(request.signal, limits);
    let fault: { readonly error: unknown } | undefined;
    try {
      const init = requestInit(request, timer.signal, (error) => void (fault = { error }));
      const response = await timer.answer(fetch(request.url, init));
      if (response.type === 'opaqueredirect') throw new Error('hidden redirect');
      return toResponse(response, { request, timer });
    } catch (error) {
      timer.stop();
      if (fault !== undefined && !request.signal?.aborted) throw fault.error;
      throw failure(request, 'connect', error);
    }
  };
}

function checkUrl(request: TransportRequest): void {
  check('Cannot send a request', { request }, { request: requestKind });
  const { url, method, allowAddresses, shownUrl = redactUrl(url) } = request;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const refuse = (rule: string, reason: string): RequestRefusedError =>
    new RequestRefusedError(`Cannot ${method} ${shownUrl}: ${reason}`, { url: shownUrl, rule });
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.password !== '')
    throw refuse('invalid-url', 'it is not an http or https URL without user info');
  const literal = classifyAddress(parsed.hostname);
  if (literal === undefined || allowAddresses === undefined || allowAddresses.includes(literal)) return;
  throw refuse('address-class', `its address is ${literal}`);
}

function toResponse(response: Response, exchange: Exchange): TransportResponse {
  const { timer } = exchange;
  const headers = new Map<string, readonly string[]>();
  for (const [name, value] of response.headers) headers.set(name, [...(headers.get(name) ?? []), value]);
  const reader = response.body?.getReader();
  if (reader === undefined) timer.end();
  const discard = async (): Promise<void> => {
    timer.stop();
    // Not waited for: a connection that hangs may never let go.
    void reader?.cancel().catch(() => undefined);
  };
  const body = reader === undefined ? noBody() : readBody(reader, isEncoded({ headers }), exchange, discard);
  return { status: response.status, headers, body, discard, remoteAddress: undefined };
}

async function* noBody(): AsyncGenerator<Uint8Array, void, undefined> {}

async function* readBody(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  encoded: boolean,
  { request, timer }: Exchange,
  discard: () => Promise<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (encoded) throw new Error('encoded');
    for (;;) {
      const { done, value } = await timer.chunk(reader.read(), (result) => result.value?.length ?? 0);
      if (done) return timer.end();
      yield value;
    }
  } catch (error) {
    throw failure(request, 'body', error, !encoded);
  } finally {
    await discard();
  }
}

/** An abort keeps the caller's reason; anything else is the network's fault. */
function failure(request: TransportRequest, phase: TransportPhase, error: unknown, retryable = true): unknown {
  if (request.signal?.aborted) return request.signal.reason;
  const { method, shownUrl: url = redactUrl(request.url) } = request;
  const reason = retryable ? 'the connection failed' : 'it came with a Content-Encoding that was not asked for';
  return new TransportError(`Cannot ${method} ${url}: ${reason}`, { method, url, phase, retryable, cause: error });
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

function createFetchTimer(caller: AbortSignal | undefined, limits: ExchangeLimits): FetchTimer {
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

/** What `fetch` is told; runtimes ignore what they do not know. */
interface Init extends RequestInit {
  /** Without it a stream cannot be sent. */
  readonly duplex: 'half';
  /** Bun's: leave a `Content-Encoding` alone. */
  readonly decompress: false;
}

/**
 * Says a request in the words of `fetch`: no redirects followed, no cookies, no cache.
 *
 * @param onFault - gets what the source of the body fails with; `fetch` makes its own error of that
 */
function requestInit(
  { method, headers, body }: TransportRequest,
  signal: AbortSignal,
  onFault: (error: unknown) => void,
): Init {
  return {
    method,
    headers: { ...headers },
    body: body === undefined ? null : toBody(body, onFault),
    signal,
    redirect: 'manual',
    credentials: 'omit',
    cache: 'no-store',
    duplex: 'half',
    decompress: false,
  };
}

function toBody(body: NonNullable<TransportRequest['body']>, onFault: (error: unknown) => void): BodyInit {
  return body instanceof Uint8Array ? (body as BodyInit) : toStream(body[Symbol.asyncIterator](), onFault);
}

/** `ReadableStream.from` is not everywhere. The server's pace is kept: a chunk is asked for when the last has gone. */
function toStream(source: AsyncIterator<Uint8Array>, onFault: (error: unknown) => void): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await source.next();
          if (done === true) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          onFault(error);
          throw error;
        }
      },
      async cancel() {
        await source.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
