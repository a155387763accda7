import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import { Agent, buildConnector, type Dispatcher, request as send } from 'undici';
import {
  type AddressClass,
  classifyAddress,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from '../distribution/index.js';
import { RequestRefusedError, TransportError, type TransportPhase } from '../errors/index.js';
import { redactUrl } from '../internal/index.js';

/**
 * How connections are made.
 *
 * @public
 */
export interface UndiciTransportOptions {
  /**
   * Finds the addresses of a host name.
   *
   * @defaultValue the system's resolver
   */
  readonly lookup?: ((hostname: string) => Promise<readonly string[]>) | undefined;
  /**
   * Sends the requests instead of agents of our own; the address rules of a request are then its matter.
   */
  readonly dispatcher?: Dispatcher | undefined;
  /** @defaultValue 10,000 ms */
  readonly connectTimeoutMs?: number | undefined;
  /** @defaultValue 30,000 ms */
  readonly headersTimeoutMs?: number | undefined;
  /**
   * The longest silence within a body.
   *
   * @defaultValue 30,000 ms
   */
  readonly bodyTimeoutMs?: number | undefined;
}

/**
 * A transport over undici, and the end of its connections.
 *
 * @public
 */
export interface UndiciTransport {
  readonly transport: Transport;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** What a look-up gives when none of a name's addresses may be dialled. */
const REFUSED = 'ERR_KUBEPULL_ADDRESS_REFUSED';

/**
 * Makes a transport over undici: no redirects, no retries, no decoding; the address that is really dialled is checked.
 *
 * @param options - see {@link UndiciTransportOptions}
 * @returns the transport; it holds connections until `close`
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
  const agents = new Map<string, Agent>();
  const peers = new Map<string, string>();
  const agentFor = (allowed: readonly AddressClass[] | undefined): Dispatcher => {
    if (options.dispatcher !== undefined) return options.dispatcher;
    const key = allowed === undefined ? 'any' : allowed.toSorted().join();
    const agent = agents.get(key) ?? createAgent(options, allowed, peers);
    agents.set(key, agent);
    return agent;
  };
  return {
    transport: (request) => dispatch(request, agentFor(request.allowAddresses), peers),
    close: async () => {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
      agents.clear();
    },
  };
}

function createAgent(
  options: UndiciTransportOptions,
  allowed: readonly AddressClass[] | undefined,
  peers: Map<string, string>,
): Agent {
  const { lookup = lookupAll, connectTimeoutMs = 10_000, headersTimeoutMs = 30_000, bodyTimeoutMs = 30_000 } = options;
  const connect = buildConnector({ timeout: connectTimeoutMs, lookup: guardedLookup(lookup, allowed) });
  return new Agent({
    headersTimeout: headersTimeoutMs,
    bodyTimeout: bodyTimeoutMs,
    connect: (target, callback) => {
      connect(target, (...result) => {
        const [error, socket] = result;
        if (error === null && socket.remoteAddress !== undefined) {
          peers.set(`${target.protocol}//${target.host ?? target.hostname}`, socket.remoteAddress);
        }
        callback(...result);
      });
    },
  });
}

async function lookupAll(hostname: string): Promise<readonly string[]> {
  return (await systemLookup(hostname, { all: true })).map(({ address }) => address);
}

/** The hook through which every name goes that is dialled; literal addresses do not come here. */
function guardedLookup(
  lookup: (hostname: string) => Promise<readonly string[]>,
  allowed: readonly AddressClass[] | undefined,
): LookupFunction {
  const find = callbackify(async (hostname: string) => {
    const found = await lookup(hostname);
    const addresses = found.filter((address) => isAllowed(address, allowed));
    if (addresses.length > 0) return addresses.map((address) => ({ address, family: isIP(address) }));
    const code = found.length === 0 ? 'ENOTFOUND' : REFUSED;
    throw Object.assign(new Error(code), { code });
  });
  return (hostname, { all = false }, callback) => {
    find(hostname, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) callback(error, '', 0);
      else if (all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function isAllowed(address: string, allowed: readonly AddressClass[] | undefined): boolean {
  const found = classifyAddress(address);
  return allowed === undefined || (found !== undefined && allowed.includes(found));
}

async function dispatch(
  request: TransportRequest,
  dispatcher: Dispatcher,
  peers: ReadonlyMap<string, string>,
): Promise<TransportResponse> {
  const { url, method, headers, body, signal, allowAddresses } = request;
  const { hostname, origin } = new URL(url);
  const literal = classifyAddress(hostname);
  if (literal !== undefined && !isAllowed(hostname, allowAddresses)) throw refusal(request);
  signal?.throwIfAborted();
  try {
    const response = await send(url, { dispatcher, method, headers, body: body ?? null, signal: signal ?? null });
    return toResponse(request, response, peers.get(origin));
  } catch (error) {
    throw failure(request, error, 'headers');
  }
}

function toResponse(
  request: TransportRequest,
  { statusCode, headers, body }: Dispatcher.ResponseData,
  remoteAddress: string | undefined,
): TransportResponse {
  const values = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, typeof value === 'string' ? [value] : value] as const],
  );
  body.on('error', () => undefined); // A discarded body may fail later; a reader gets the error from its loop.
  return {
    status: statusCode,
    headers: new Map(values),
    remoteAddress,
    body: readBody(request, body),
    discard: async () => {
      body.destroy();
    },
  };
}

async function* readBody(
  request: TransportRequest,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* body;
  } catch (error) {
    throw failure(request, error, 'body');
  }
}

const PHASES: ReadonlyMap<string, TransportPhase> = new Map([
  ['ENOTFOUND', 'lookup'],
  ['EAI_AGAIN', 'lookup'],
  ['ECONNREFUSED', 'connect'],
  ['EHOSTUNREACH', 'connect'],
  ['ENETUNREACH', 'connect'],
  ['UND_ERR_CONNECT_TIMEOUT', 'connect'],
  ['UND_ERR_BODY_TIMEOUT', 'body'],
]);

/** What will be the same at the next try. */
const FINAL = /^(?:ENOTFOUND|UND_ERR_INVALID|UND_ERR_HEADERS_OVERFLOW|HPE_)/;

/** What a handshake fails with, a server that speaks plain HTTP included: it stays so. */
const TLS = /^(?:EPROTO|ERR_SSL|ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;

/** An abort keeps the caller's reason; the rest becomes our own error, without what undici's carries. */
function failure(request: TransportRequest, error: unknown, phase: TransportPhase): unknown {
  if (request.signal?.aborted) return request.signal.reason;
  const { code = 'unknown' } = error as { readonly code?: string };
  if (code === REFUSED) return refusal(request);
  const url = redactUrl(request.url);
  const where = TLS.test(code) ? 'tls' : (PHASES.get(code) ?? phase);
  return new TransportError(`Cannot ${request.method} ${url}: the connection failed (${where}, ${code})`, {
    method: request.method,
    url,
    phase: where,
    retryable: where !== 'tls' && !FINAL.test(code),
    cause: error,
  });
}

function refusal({ method, url, allowAddresses = [] }: TransportRequest): RequestRefusedError {
  const shown = redactUrl(url);
  return new RequestRefusedError(`Cannot ${method} ${shown}: its address is not ${allowAddresses.join(' or ')}`, {
    url: shown,
    rule: 'address-class',
  });
}
