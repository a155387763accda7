import { TransportError } from '../errors/index.js';
import { redactUrl } from '../internal/index.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

/**
 * A transport over `fetch`, for runtimes other than Node.
 *
 * `fetch` undoes a `Content-Encoding` by itself and tells no peer address, so address rules hold for literal addresses
 * only. On Node, use `createUndiciTransport` of `kubepull/node`.
 *
 * @param fetch - defaults to the runtime's own
 * @returns the transport
 * @example
 * ```ts
 * import { fetchTransport } from 'kubepull/distribution';
 *
 * const transport = fetchTransport();
 * ```
 * @public
 */
export function fetchTransport(fetch: typeof globalThis.fetch = globalThis.fetch): Transport {
  return async (request) => {
    try {
      const response = await fetch(request.url, {
        method: request.method,
        headers: { ...request.headers },
        body: (request.body as BodyInit | undefined) ?? null,
        signal: request.signal ?? null,
        redirect: 'manual',
        credentials: 'omit',
      });
      return toResponse(response, request);
    } catch (error) {
      throw failure(request, 'connect', error);
    }
  };
}

function toResponse(response: Response, request: TransportRequest): TransportResponse {
  const headers = new Map<string, readonly string[]>();
  for (const [name, value] of response.headers) headers.set(name, [value]);
  const { body } = response;
  return {
    status: response.status,
    headers,
    body: readBody(body, request),
    discard: async () => {
      if (body !== null && !body.locked) await body.cancel().catch(() => undefined);
    },
    remoteAddress: undefined,
  };
}

async function* readBody(
  body: ReadableStream<Uint8Array> | null,
  request: TransportRequest,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw failure(request, 'body', error);
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** An abort keeps the caller's reason; anything else is the network's fault. */
function failure(request: TransportRequest, phase: 'connect' | 'body', error: unknown): unknown {
  if (request.signal?.aborted) return request.signal.reason;
  const url = redactUrl(request.url);
  return new TransportError(`Cannot ${request.method} ${url}: the connection failed`, {
    method: request.method,
    url,
    phase,
    retryable: true,
    cause: error,
  });
}
