import { Agent, buildConnector, Client, Pool, ProxyAgent } from 'undici';
import type { AddressClass } from '../../distribution/index.js';
import { type FindAddresses, guardedLookup } from './lookup.js';
import type { TlsSettings } from './tls.js';

/** Travels with a request through undici, and learns which connection it went out on. */
export interface PeerSlot {
  /** The address of that connection's peer. */
  address: () => string | undefined;
}

/** Stands as code in the error for a proxy that hung up. */
const PROXY_CUT = 'ERR_KUBEPULL_PROXY_CUT';

/** How the connections of one agent are made. Agents of different settings share none. */
export interface AgentSettings {
  readonly find: FindAddresses;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
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
export function createGuardedAgent(settings: AgentSettings, allowed: readonly AddressClass[] | undefined): Agent {
  const { find, connectTimeoutMs, tls } = settings;
  const connect = buildConnector({ timeout: connectTimeoutMs, lookup: guardedLookup(find, allowed), ...tls });
  return new Agent({
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
export function createProxyAgent(proxy: URL, settings: AgentSettings, proxyTls: TlsSettings): ProxyAgent {
  const { find, connectTimeoutMs: timeout, headersTimeoutMs: headersTimeout, tls } = settings;
  return new ProxyAgent({
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
