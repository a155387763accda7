import { versions } from 'node:process';
import type { BlobCarrier, Transport, TransportRequest, TransportResponse } from '../../distribution/index.js';
import { check, type Kinds } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { requestKind } from '../../distribution/inner.js';
import { isImageError, type TransportPhase } from '../../errors/index.js';
import { untilAbort } from '../../internal/index.js';
import { createBlobReader } from './blob-reader.js';
import { createBlobCarrier } from './carrier.js';
import { createDispatchers, type Dispatchers } from './connections.js';
import { type ExchangeLimits } from '../../distribution/inner.js';
import { exchange } from './exchange.js';
import { checkUrl, transportFailure } from './failures.js';
import { checkTransportOptions, MAX_HEADER_BYTES, standInError, type UndiciTransportOptions } from './options.js';
import { createWorkerReader } from './workers.js';

export { type ProxyOption, type ProxySettings, type RegistryTls, type UndiciTransportOptions } from './options.js';

/**
 * A transport over undici, and the end of its connections.
 *
 * @public
 */
export interface UndiciTransport {
  /** Sends requests; it follows no redirects and repeats nothing. */
  readonly transport: Transport;
  /** Ends all connections; requests under way fail, and so does every later one. */
  close(): Promise<void>;
}

/** Where requests go; nobody outside gets to see it, because printing a dispatcher shows the requests in it. */
interface Connections {
  readonly dispatchers: Dispatchers;
  readonly limits: ExchangeLimits;
}

/**
 * Makes a transport over undici: no redirects, no retries, no decoding; the address that is really dialled is checked.
 *
 * @param options - see {@link UndiciTransportOptions}
 * @returns the transport; it holds connections until `close`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a limit that is not a whole number, for a host of `tls` or a proxy
 * that is not valid, for certificates and keys that cannot be read, and in Bun, which has a stand-in for undici
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
  const { transport, close } = openConnections(options);
  return { transport, close };
}

/**
 * How blobs are brought.
 *
 * @public
 */
export interface CarrierOptions {
  /**
   * Threads that bring the layers of large pulls, a whole number from 0 to 16: each takes whole layers from the socket to the
   * file. With 0 that is done in the thread of the caller. They start with the first such pull, and end with `close`.
   *
   * @defaultValue 2
   */
  readonly workers?: number | undefined;
  /**
   * Bytes that a pull has to lack to be large.
   *
   * @defaultValue 64 MiB
   */
  readonly minCarriedBytes?: number | undefined;
}

const WORKERS = 2;
const MIN_CARRIED_BYTES = 64 * 1024 * 1024;

export const carrierKinds: Kinds<CarrierOptions> = {
  workers: is.optional(is.wholeFrom(0, 16)),
  minCarriedBytes: is.optional(is.wholeFrom(0)),
};

/** A transport, and a carrier of blobs by the same rules. */
export function createCarryingTransport(
  options: UndiciTransportOptions & CarrierOptions,
): UndiciTransport & { readonly carrier: BlobCarrier } {
  const { workers = WORKERS, minCarriedBytes = MIN_CARRIED_BYTES, connectTimeoutMs = 10_000 } = options;
  const { transport, close, connections } = openConnections(options);
  const own = createBlobReader({ waits: false });
  const reader = workers === 0 ? own : createWorkerReader(workers, own);
  const { maxHeaderBytes = MAX_HEADER_BYTES } = options;
  const send = createBlobCarrier({ reader, ...connections, connectTimeoutMs, maxHeaderBytes, send: transport });
  return {
    transport,
    carrier: { minBytes: minCarriedBytes, transport, send },
    close: async () => void (await Promise.all([close(), reader.close()])),
  };
}

function openConnections(options: UndiciTransportOptions): UndiciTransport & { readonly connections: Connections } {
  const limits = checkTransportOptions(options);
  checkRuntime();
  const connections = { dispatchers: createDispatchers(options, limits), limits };
  return {
    transport: (request) => send(request, connections),
    close: () => connections.dispatchers.close(),
    connections,
  };
}

/** Bun is refused at once; of another runtime it shows with the first request, because undici is loaded then. */
function checkRuntime(): void {
  if (versions['bun'] !== undefined) throw standInError();
}

async function send(request: TransportRequest, { dispatchers, limits }: Connections): Promise<TransportResponse> {
  check('Cannot send a request', { request }, { request: requestKind });
  const url = checkUrl(request);
  request.signal?.throwIfAborted();
  const translate = (error: unknown, phase: TransportPhase): unknown =>
    transportFailure(request, error, phase, dispatchers.closed);
  try {
    if (dispatchers.closed) throw new Error('closed');
    const found = dispatchers.find(url, request.allowAddresses, request.registry);
    const dispatcher = found instanceof Promise ? await untilAbort(found, request.signal) : found;
    if (dispatchers.closed) throw new Error('closed');
    const headers = { ...dispatchers.headersFor(url.origin), ...request.headers };
    return exchange({ ...request, headers }, { dispatcher, limits, translate });
  } catch (error) {
    throw isImageError(error) ? error : translate(error, 'connect');
  }
}
