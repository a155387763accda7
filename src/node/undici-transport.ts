import { type Dispatcher, request as send } from 'undici';
import {
  type AddressClass,
  classifyAddress,
  type Transport,
  type TransportRequest,
  type TransportResponse,
} from '../distribution/index.js';
import type { TransportPhase } from '../errors/index.js';
import { createGuardedAgent, isAllowed, type PeerSlot } from './transport-agent.js';
import { createTransportBody } from './transport-body.js';
import { addressRefusal, transportFailure, urlRefusal } from './transport-failure.js';
import { checkTransportOptions, type UndiciTransportOptions } from './transport-options.js';

export { type UndiciTransportOptions };

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
  readonly closed: boolean;
  dispatcher(allowed: readonly AddressClass[] | undefined): Dispatcher;
}

/**
 * Makes a transport over undici: no redirects, no retries, no decoding; the address that is really dialled is checked.
 *
 * @param options - see {@link UndiciTransportOptions}
 * @returns the transport; it holds connections until `close`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a time-out that is not a whole number of milliseconds from 1
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
  const agents = new Map<string, Dispatcher>();
  let closed = false;
  const connections: Connections = {
    get closed() {
      return closed;
    },
    dispatcher(allowed) {
      if (options.dispatcher !== undefined) return options.dispatcher;
      const key = allowed === undefined ? 'any' : allowed.toSorted().join();
      const agent = agents.get(key) ?? createGuardedAgent(options, allowed);
      agents.set(key, agent);
      return agent;
    },
  };
  return {
    transport: (request) => exchange(request, connections),
    close: async () => {
      closed = true;
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
    },
  };
}

async function exchange(request: TransportRequest, connections: Connections): Promise<TransportResponse> {
  const { url, method, headers, body = null, signal = null, allowAddresses } = request;
  checkUrl(request);
  signal?.throwIfAborted();
  const fail = (error: unknown, phase: TransportPhase): unknown =>
    transportFailure(request, error, phase, connections.closed);
  if (connections.closed) throw fail(new Error('closed'), 'connect');
  const opaque: PeerSlot = { address: () => undefined };
  try {
    const dispatcher = connections.dispatcher(allowAddresses);
    const response = await send(url, { dispatcher, method, headers, body, signal, opaque });
    return toResponse(response, opaque.address(), (error) => fail(error, 'body'));
  } catch (error) {
    throw fail(error, 'headers');
  }
}

function checkUrl(request: TransportRequest): void {
  const url = URL.canParse(request.url) ? new URL(request.url) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw urlRefusal(request);
  const literal = classifyAddress(url.hostname);
  if (literal !== undefined && !isAllowed(url.hostname, request.allowAddresses)) throw addressRefusal(request);
}

function toResponse(
  { statusCode, headers, body }: Dispatcher.ResponseData<unknown>,
  remoteAddress: string | undefined,
  translate: (error: unknown) => unknown,
): TransportResponse {
  const values = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, typeof value === 'string' ? [value] : value] as const],
  );
  const { content, discard } = createTransportBody(body, translate);
  return { status: statusCode, headers: new Map(values), remoteAddress, body: content, discard };
}
