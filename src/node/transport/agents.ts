import { isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import { Agent, buildConnector, Client, Pool, ProxyAgent } from 'undici';
import type { AddressClass } from '../../distribution/index.js';
import { type FindAddresses, findAllowed } from './addresses.js';
import { MAX_HEADER_BYTES, standInError } from './options.js';
import type { TlsSettings } from './tls.js';

/** Travels with a request through undici, and learns which connection it went out on. */
export interface PeerSlot {
  /** The address of that connection's peer. */
  address: () => string | undefined;
}

/** What makes agents of undici. This file is loaded when the first of them is needed. */
export interface AgentMakers {
  readonly createGuardedAgent: typeof createGuardedAgent;
  readonly createProxyAgent: typeof createProxyAgent;
}

/**
 * What an installed package imports as undici need not be it: Bun has a stand-in of its own, which sends nothing.
 *
 * @throws ImageError `ERR_OPTION_INVALID` in such a runtime
 */
export function loadAgentMakers(): AgentMakers {
  const { dispatch } = Agent.prototype as Partial<Agent>;
  if (typeof dispatch !== 'function') throw standInError();
  return { createGuardedAgent, createProxyAgent };
}

/** Stands as code in the error for a proxy that hung up. */
const PROXY_CUT = 'ERR_KUBEPULL_PROXY_CUT';

/** How the connections of one agent are made. Agents of different settings share none. */
interface AgentSettings {
  readonly find: FindAddresses;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly maxHeaderBytes: number | undefined;
  readonly tls: TlsSettings;
  /** Hears of each pool: an agent forgets one as soon as a connection fails, though others of it still serve requests. */
  readonly onPool: (pool: Pool) => void;
}

/**
 * Makes an agent that dials addresses of some classes only.
 *
 * A request whose `opaque` is a {@link PeerSlot} learns its peer. Undici tells it nowhere, and the peer of another
 * connection to the same origin will not do: its name may resolve to several, of which a hostile one chooses.
 */
function createGuardedAgent(settings: AgentSettings, allowed: readonly AddressClass[] | undefined): Agent {
  const { find, connectTimeoutMs, maxHeaderBytes, tls } = settings;
  const connect = buildConnector({ timeout: connectTimeoutMs, lookup: guardedLookup(find, allowed), ...tls });
  return new Agent({
    ...headerLimit(maxHeaderBytes),
    factory: (origin, inherited) => {
      const factory = (url: URL, limits: Client.Options): Client => createClient(url, limits, connect);
      return createPool(origin, { ...(inherited as Pool.Options), factory }, settings);
    },
  });
}

/**
 * Makes an agent that reaches everything through a proxy: `https:` by a tunnel, so that the proxy gets no header of ours;
 * `http:` by whole URLs, as proxies expect it. The proxy's password is in the headers for the proxy only.
 *
 * @param proxyTls - for the connection to the proxy itself
 */
function createProxyAgent(proxy: URL, settings: AgentSettings, proxyTls: TlsSettings): ProxyAgent {
  const { find, connectTimeoutMs: timeout, headersTimeoutMs: headersTimeout, maxHeaderBytes, tls } = settings;
  return new ProxyAgent({
    ...headerLimit(maxHeaderBytes),
    uri: proxy.origin,
    proxyTunnel: false,
    ...(proxy.username === '' && proxy.password === '' ? {} : { token: basicAuthorization(proxy) }),
    proxyTls: { timeout, lookup: guardedLookup(find, undefined), ...proxyTls },
    requestTls: { timeout, ...tls },
    factory: (origin, options) => createPool(origin, withFinalFaults(options), settings),
    // The one that asks for tunnels.
    clientFactory: (origin, options) => new Pool(origin, { ...options, headersTimeout }),
  });
}

/** Undici's own limit is the process's, which is 16 KiB unless Node was started with another. */
function headerLimit(maxHeaderSize: number = MAX_HEADER_BYTES): { readonly maxHeaderSize: number } {
  return { maxHeaderSize };
}

function createPool(origin: string | URL, options: Pool.Options, { onPool }: AgentSettings): Pool {
  const pool = new Pool(origin, options);
  onPool(pool);
  return pool;
}

/**
 * A proxy that hangs up instead of making a tunnel fails the attempt to connect with an error that undici knows from
 * connections that were good once, and answers with the next attempt, without end. Under another code it gives up.
 */
function withFinalFaults(options: Pool.Options): Pool.Options {
  const { connect } = options;
  if (typeof connect !== 'function') return options;
  return {
    ...options,
    connect: (target, callback) => {
      connect(target, (...[error, socket]) => {
        if (error === null) callback(null, socket);
        else callback(isSocketFault(error) ? Object.assign(new Error(PROXY_CUT), { code: PROXY_CUT }) : error, null);
      });
    },
  };
}

function isSocketFault(error: Error): boolean {
  const { code } = error as { readonly code?: string };
  return code === 'UND_ERR_SOCKET' || code === 'UND_ERR_INFO';
}

function basicAuthorization({ username, password }: URL): string {
  const userPass = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(userPass).toString('base64')}`;
}

/** A client is one connection at a time, with one request on it at a time. */
function createClient(origin: URL, limits: Client.Options, connect: buildConnector.connector): Client {
  let address: string | undefined;
  const client = new Client(origin, {
    ...limits,
    connect: (target, callback) => {
      connect(target, (...result) => {
        const [error, socket] = result;
        if (error === null) address = socket.remoteAddress;
        callback(...result);
      });
    },
  });
  const dispatch = client.dispatch.bind(client);
  client.dispatch = (request, handler) => {
    const { opaque } = request as { readonly opaque?: PeerSlot };
    if (opaque !== undefined) opaque.address = () => address;
    return dispatch(request, handler);
  };
  return client;
}

/** The hook through which every name goes that is dialled; literal addresses do not come here. */
function guardedLookup(find: FindAddresses, allowed: readonly AddressClass[] | undefined): LookupFunction {
  const lookup = callbackify(async (hostname: string) =>
    (await findAllowed(find, hostname, allowed)).map((address) => ({ address, family: isIP(address) })),
  );
  return (hostname, { all = false }, callback) => {
    lookup(hostname, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) callback(error, '', 0);
      else if (all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}
