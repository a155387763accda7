import { classifyAddress, type TransportRequest } from '../../distribution/index.js';
import { RequestRefusedError, TransportError, type TransportPhase } from '../../errors/index.js';
import { redactUrl } from '../../internal/index.js';
import { ANSWER_INVALID } from './answer-head.js';
import { ADDRESS_REFUSED, isAllowed } from './addresses.js';
import { BODY_SLOW, codeOf, HEADERS_LATE } from './watchdog.js';

/**
 * The URL of a request.
 *
 * @throws {@link RequestRefusedError} for one that no request can have, or that leads to an address that it does not allow
 */
export function checkUrl(request: TransportRequest): URL {
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
  [ANSWER_INVALID, 'the answer is not HTTP/1.1'],
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
export function transportFailure(
  request: TransportRequest,
  error: unknown,
  phase: TransportPhase,
  closed: boolean,
): unknown {
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
