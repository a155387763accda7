import { RequestRefusedError, TransportError } from '../errors/index.js';
import { redactUrl } from '../internal/index.js';
import { classifyAddress } from './address.js';
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
    checkAddress(request);
    request.signal?.throwIfAborted();
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

function checkAddress({ url, method, allowAddresses, shownUrl = redactUrl(url) }: TransportRequest): void {
  const literal = URL.canParse(url) ? classifyAddress(new URL(url).hostname) : undefined;
  if (literal === undefined || allowAddresses === undefined || allowAddresses.includes(literal)) return;
  throw new RequestRefusedError(`Cannot ${method} ${shownUrl}: its address is ${literal}`, {
    url: shownUrl,
    rule: 'address-class',
  });
}

function toResponse(response: Response, request: TransportRequest): TransportResponse {
  const headers = new Map<string, readonly string[]>();
  for (const [name, value] of response.headers) headers.set(name, [value]);
  const reader = response.body?.getReader();
  return {
    status: response.status,
    headers,
    body: readBody(reader, request),
    discard: async () => {
      await reader?.cancel().catch(() => undefined);
    },
    remoteAddress: undefined,
  };
}

async function* readBody(
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
  request: TransportRequest,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (reader === undefined) return;
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
  const { method, shownUrl: url = redactUrl(request.url) } = request;
  return new TransportError(`Cannot ${method} ${url}: the connection failed`, {
    method,
    url,
    phase,
    retryable: true,
    cause: error,
  });
}
