import type { Dispatcher } from 'undici';
import type { TransportRequest, TransportResponse } from '../../distribution/index.js';
import type { ExchangeLimits } from '../../distribution/inner.js';
import type { TransportPhase } from '../../errors/index.js';
import { createIncomingBody, createUpload, type IncomingBody, type Upload } from './body.js';
import type { PeerSlot } from './agents.js';
import { createWatchdog, type Watchdog } from './watchdog.js';

/** What an exchange needs besides its request. */
interface ExchangeSettings {
  readonly dispatcher: Dispatcher;
  readonly limits: ExchangeLimits;
  /** Makes our error of undici's, or gives the reason of an abort. */
  readonly translate: (error: unknown, phase: TransportPhase) => unknown;
}

/**
 * Sends a request, and resolves as soon as the answer begins.
 *
 * It stands on undici's `dispatch`, because `request` wraps the body into a stream.
 */
export function exchange(request: TransportRequest, settings: ExchangeSettings): Promise<TransportResponse> {
  const { dispatcher, limits } = settings;
  const { url, method, headers } = request;
  request.signal?.throwIfAborted();
  const { origin, pathname, search } = new URL(url);
  const peer: PeerSlot = { address: () => undefined };
  return new Promise((resolve, reject) => {
    const { handler, upload } = createHandler(request, settings, peer, { resolve, reject });
    const sent = {
      origin,
      path: `${pathname}${search}`,
      method,
      headers: namesLength(headers) ? headers : { ...headers, ...upload?.headers },
      // Undici takes any iterable; its types do not say so.
      body: (upload?.content ?? null) as Uint8Array | null,
      headersTimeout: 0, // The watchdog's.
      bodyTimeout: limits.bodyTimeoutMs,
      // By itself undici gives up the connection behind each HEAD, and the next request pays for another.
      ...(method === 'HEAD' ? { reset: false } : {}),
      opaque: peer,
    };
    dispatcher.dispatch(sent, handler);
  });
}

function namesLength(headers: TransportRequest['headers']): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === 'content-length');
}

/** Settles the promise of an exchange. */
interface Settle {
  resolve(response: TransportResponse): void;
  reject(error: unknown): void;
}

function createHandler(
  request: TransportRequest,
  { limits, translate }: ExchangeSettings,
  peer: PeerSlot,
  { resolve, reject }: Settle,
): { readonly handler: Dispatcher.DispatchHandler; readonly upload: Upload | undefined } {
  const { signal } = request;
  let controller: Dispatcher.DispatchController | undefined;
  let watchdog: Watchdog | undefined;
  let body: IncomingBody | undefined;
  let over = false;

  const finish = (): boolean => {
    if (over) return false;
    over = true;
    watchdog?.stop();
    signal?.removeEventListener('abort', onAbort);
    upload?.stop();
    return true;
  };
  const fail = (error: unknown): void => {
    if (!finish()) return;
    const source = signal?.aborted ? undefined : upload?.failure;
    if (body === undefined) reject(source === undefined ? translate(error, 'headers') : source.error);
    else body.fail(error);
  };
  /** The reader is told at once; undici may still have to get to the request. */
  const cancel = (error: unknown): void => {
    fail(error);
    controller?.abort(new Error('cancelled'));
  };
  const onAbort = (): void => cancel(signal?.reason);
  const upload = createUpload(request.body, () => watchdog?.sent());
  signal?.addEventListener('abort', onAbort, { once: true });

  const startBody = (connection: Dispatcher.DispatchController): IncomingBody =>
    createIncomingBody(
      {
        pause() {
          watchdog?.paused();
          connection.pause();
        },
        resume() {
          watchdog?.resumed();
          connection.resume();
        },
        abort: () => cancel(undefined),
      },
      (error) => translate(error, 'body'),
    );
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(started) {
      controller = started;
      if (over) started.abort(new Error('cancelled'));
      else {
        watchdog?.stop();
        watchdog = createWatchdog(limits, cancel);
      }
    },
    onResponseStart(connection, status, headers) {
      if (over || status < 200) return;
      watchdog?.answered();
      body = startBody(connection);
      const { content, discard } = body;
      resolve({ status, headers: headerValues(headers), remoteAddress: peer.address(), body: content, discard });
    },
    onResponseData(_, chunk) {
      watchdog?.received(chunk.length);
      body?.push(chunk);
    },
    onResponseEnd() {
      // Undici frees the connection in the next turn of the loop; who reads the end may send the next request over it.
      queueMicrotask(() => setImmediate(() => finish() && body?.end()));
    },
    onResponseError: (_, error) => fail(error),
  };
  return { handler, upload };
}

function headerValues(headers: Record<string, string | readonly string[] | undefined>): TransportResponse['headers'] {
  return new Map(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === 'string' ? [value] : value] as const],
    ),
  );
}
