import { Agent } from 'undici';
import {
  classifyAddress,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from '../../distribution/index.js';
import { check } from '../../errors/inner.js';
import { requestKind } from '../../distribution/inner.js';
import { ImageError, RequestRefusedError, TransportError, type TransportPhase } from '../../errors/index.js';
import { redactUrl, untilAbort } from '../../internal/index.js';
import { ADDRESS_REFUSED, createDispatchers, type Dispatchers, isAllowed } from './connections.js';
import { type ExchangeLimits } from '../../distribution/inner.js';
import { BODY_SLOW, exchange, HEADERS_LATE } from './exchange.js';
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
  const limits = checkTransportOptions(options);
  checkUndici();
  const dispatchers = createDispatchers(options, limits);
  return {
    transport: (request) => send(request, { dispatchers, limits }),
    close: () => dispatchers.close(),
  };
}

/** What an installed package imports as undici need not be it: Bun has a stand-in of its own, which sends nothing. */
function checkUndici(): void {
  const { dispatch } = Agent.prototype as Partial<Agent>;
  if (typeof dispatch === 'function') return;
  const reason =
    'this runtime has a stand-in for undici, as Bun does; use createFetchTransport of kubepull/distribution';
  throw new ImageError('ERR_OPTION_INVALID', `Cannot make a transport: ${reason}`);
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

const PHASES: ReadonlyMap<string, TransportPhase> = new Map([
  ['ENOTFOUND', 'lookup'],
  ['EAI_AGAIN', 'lookup'],
  ['EAI_FAIL', 'lookup'],
  ['ECONNREFUSED', 'connect'],
  ['EHOSTUNREACH', 'connect'],
  ['ENETUNREACH', 'connect'],
  ['ETIMEDOUT', 'connect'],
  ['UND_ERR_CONNECT_TIMEOUT', 'connect'],
  ['UND_ERR_BODY_TIMEOUT', 'body'],
]);

/** What says more than a code. */
const REASONS: ReadonlyMap<string, string> = new Map([
  [
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'the connection failed (tls, ERR_SSL_WRONG_VERSION_NUMBER): the server may speak plain HTTP; ' +
      'if it is meant to, name it in the option plainHttp',
  ],
  [HEADERS_LATE, 'the answer did not begin in time'],
  [BODY_SLOW, 'the answer came too slowly'],
  ['UND_ERR_BODY_TIMEOUT', 'the answer stopped'],
  ['UND_ERR_HEADERS_OVERFLOW', 'the answer has more bytes of headers than the option maxHeaderBytes allows'],
]);

/** What will be the same at the next try. */
const FINAL =
  /^(?:ENOTFOUND|UND_ERR_INVALID|UND_ERR_HEADERS_OVERFLOW|UND_ERR_DESTROYED|UND_ERR_CLOSED|UND_ERR_REQ_CONTENT)/;

/** What a handshake fails with, a server that speaks plain HTTP included: it stays so. */
const TLS = /^(?:EPROTO|ERR_SSL|ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|UND_ERR_PRX_TLS)/;

/**
 * What a request fails with. An abort keeps the caller's reason; the rest becomes our own error, without what undici's
 * carries.
 *
 * @param phase - where it failed, if the error itself does not say
 * @param closed - whether the transport was closed meanwhile, so that no try can help
 */
function transportFailure(request: TransportRequest, error: unknown, phase: TransportPhase, closed: boolean): unknown {
  const { signal, method, url, shownUrl = redactUrl(url) } = request;
  if (signal?.aborted) return signal.reason;
  const code = codeOf(error);
  if (code === ADDRESS_REFUSED) return addressRefusal(request);
  const where = TLS.test(code) ? 'tls' : (PHASES.get(code) ?? phase);
  const proxyStatus = proxyStatusOf(error);
  const cause =
    proxyStatus === undefined
      ? (REASONS.get(code) ?? `the connection failed (${where}, ${code})`)
      : `the proxy answered ${proxyStatus}`;
  const reason = closed ? 'the transport was closed' : cause;
  return new TransportError(`Cannot ${method} ${shownUrl}: ${reason}`, {
    method,
    url: shownUrl,
    phase: where,
    retryable: !closed && (proxyStatus === undefined ? where !== 'tls' && !FINAL.test(code) : proxyStatus >= 500),
    cause: error,
  });
}

/** What names a fault; undici has no code for an answer that is not HTTP. */
function codeOf(error: unknown): string {
  const { code, name = 'unknown' } = (error ?? {}) as { readonly code?: string; readonly name?: string };
  return code ?? name;
}

/** What a proxy answered that did not let a request through; undici tells it in words only. */
function proxyStatusOf(error: unknown): number | undefined {
  const [, status] = /^Proxy .*\((\d{3})\)/.exec((error as Partial<Error> | undefined)?.message ?? '') ?? [];
  return status === undefined ? undefined : Number(status);
}

/** The error for an address of a class that the request does not allow. */
function addressRefusal({ method, url, shownUrl = redactUrl(url), allowAddresses = [] }: TransportRequest): Error {
  const cure = 'if it is trusted, say so by the option realmPolicy for a token server, redirectPolicy for a redirect';
  const reason = `its address is not ${allowAddresses.join(' or ')}; ${cure}`;
  return new RequestRefusedError(`Cannot ${method} ${shownUrl}: ${reason}`, { url: shownUrl, rule: 'address-class' });
}

/** The error for a URL that no request can have; a parser's own would quote it. */
function urlRefusal({ method, url, shownUrl = redactUrl(url) }: TransportRequest): Error {
  const reason = 'it is not an http or https URL without user info';
  return new RequestRefusedError(`Cannot ${method} ${shownUrl}: ${reason}`, { url: shownUrl, rule: 'invalid-url' });
}
