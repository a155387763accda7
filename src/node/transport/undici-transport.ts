import {
  classifyAddress,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from '../../distribution/index.js';
import type { TransportPhase } from '../../errors/index.js';
import { untilAbort } from '../../internal/index.js';
import { createDispatchers, type Dispatchers } from './dispatchers.js';
import { exchange } from './exchange.js';
import { addressRefusal, transportFailure, urlRefusal } from './failure.js';
import { type TransportLimits, transportLimits } from './limits.js';
import { isAllowed } from './lookup.js';
import { checkTransportOptions, type UndiciTransportOptions } from './options.js';

export { type RegistryTls, type UndiciTransportOptions } from './options.js';
export { type ProxyOption, type ProxySettings } from './proxy.js';

/**
 * A transport over undici, and the end of its connections.
 *
 * @public
 */
export interface UndiciTransport {
  readonly transport: Transport;
  /** Ends all connections; requests under way fail, and so does every later one. */
  close(): Promise<void>;
}

/** Where requests go; nobody outside gets to see it, because printing a dispatcher shows the requests in it. */
interface Connections {
  readonly dispatchers: Dispatchers;
  readonly limits: TransportLimits;
}

/**
 * Makes a transport over undici: no redirects, no retries, no decoding; the address that is really dialled is checked.
 *
 * @param options - see {@link UndiciTransportOptions}
 * @returns the transport; it holds connections until `close`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a limit that is not a whole number, for a host of `tls` or a proxy
 * that is none, and for certificates and keys that cannot be read
 * @example
 * ```ts
 * import { createUndiciTransport } from 'kubepull/node';
 *
 * const { transport, close } = createUndiciTransport();
 * const response = await transport({ method: 'GET', url: 'https://registry.example.com/v2/', headers: {} });
 * await response.discard();
 * await close();
 * ```
 * @public
 */
export function createUndiciTransport(options: UndiciTransportOptions = {}): UndiciTransport {
  checkTransportOptions(options);
  const limits = transportLimits(options);
  const dispatchers = createDispatchers(options, limits);
  return {
    transport: (request) => send(request, { dispatchers, limits }),
    close: () => dispatchers.close(),
  };
}

async function send(request: TransportRequest, { dispatchers, limits }: Connections): Promise<TransportResponse> {
  const url = checkUrl(request);
  request.signal?.throwIfAborted();
  const translate = (error: unknown, phase: TransportPhase): unknown =>
    transportFailure(request, error, phase, dispatchers.closed);
  try {
    if (dispatchers.closed) throw new Error('closed');
    const found = dispatchers.find(url, request.allowAddresses);
    const dispatcher = found instanceof Promise ? await untilAbort(found, request.signal) : found;
    if (dispatchers.closed) throw new Error('closed');
    return exchange(request, { dispatcher, limits, translate });
  } catch (error) {
    throw translate(error, 'connect');
  }
}

function checkUrl(request: TransportRequest): URL {
  const url = URL.canParse(request.url) ? new URL(request.url) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw urlRefusal(request);
  const literal = classifyAddress(url.hostname);
  if (literal !== undefined && !isAllowed(url.hostname, request.allowAddresses)) throw addressRefusal(request);
  return url;
}
