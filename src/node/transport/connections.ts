import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import { Agent, buildConnector, Client, type Dispatcher, Pool, ProxyAgent } from 'undici';
import { type AddressClass, classifyAddress } from '../../distribution/index.js';
import type { ExchangeLimits } from '../../distribution/inner.js';
import type { UndiciTransportOptions } from './options.js';
import { planProxy } from './proxy.js';
import { type PlainTls, planTls, type TlsSettings } from './tls.js';

/** The agents of one transport, made as they are needed; requests share connections only under the same rules. */
export interface Dispatchers {
  readonly closed: boolean;
  /** The dispatcher for a URL. Fails where a proxy would lead to addresses of other classes. */
  find(
    url: URL,
    allowed: readonly AddressClass[] | undefined,
    registry: string | undefined,
  ): Dispatcher | Promise<Dispatcher>;
  /** What the operator wants sent to this origin, and to no other. */
  headersFor(origin: string): Readonly<Record<string, string>>;
  /**
   * How connections of somebody else's reach a URL as these agents would; `undefined` where only these do: through a
   * proxy, through a dispatcher of the caller's own, and with a private key, which stays here.
   */
  routeFor(url: URL, registry: string | undefined): DirectRoute | undefined;
  /** The addresses of a host that may be dialled. Fails when there are none. */
  addressesOf(hostname: string, allowed: readonly AddressClass[] | undefined): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** A way without proxy, as plain data. */
export interface DirectRoute {
  /** What to share connections under. */
  readonly key: string;
  readonly tls: PlainTls;
}

export function createDispatchers(options: UndiciTransportOptions, limits: ExchangeLimits): Dispatchers {
  const { dispatcher: given, lookup: find = findAddresses, connectTimeoutMs = 10_000 } = options;
  const { maxHeaderBytes } = options;
  const proxyOf = planProxy(options.proxy);
  const tls = planTls(options);
  const agents = new Map<string, Dispatcher>();
  const pools = new Set<Pool>();
  let closed = false;

  const onPool = (pool: Pool): void => {
    for (const other of pools) if (other.destroyed) pools.delete(other);
    pools.add(pool);
  };
  const agentFor = (key: readonly string[], create: () => Dispatcher): Dispatcher => {
    const name = key.join(' ');
    const agent = agents.get(name) ?? create();
    agents.set(name, agent);
    return agent;
  };
  return {
    get closed() {
      return closed;
    },
    headersFor: (origin) => tls.headersFor(origin),
    routeFor(url, registry) {
      const plain = tls.settingsOf(url.origin, registry).plain;
      if (given !== undefined || plain === undefined || proxyOf(url) !== undefined) return undefined;
      return { key: `${url.origin} ${tls.keyOf(url.origin, registry)}`, tls: plain };
    },
    addressesOf: (hostname, allowed) => findAllowed(find, hostname, allowed),
    find(url, allowed, registry) {
      if (given !== undefined) return given;
      const own = { find, connectTimeoutMs, maxHeaderBytes, ...limits };
      const settings = { ...own, tls: tls.settingsOf(url.origin, registry).agent, onPool };
      const key = tls.keyOf(url.origin, registry);
      const proxy = proxyOf(url);
      if (proxy === undefined) {
        const rules = allowed?.toSorted().join() ?? 'any';
        return agentFor(['direct', rules, key], () => createGuardedAgent(settings, allowed));
      }
      const agent = agentFor(['proxy', proxy.href, key], () =>
        createProxyAgent(proxy, settings, tls.settingsOf(proxy.origin).agent),
      );
      return allowed === undefined ? agent : checkProxied(find, url.hostname, allowed).then(() => agent);
    },
    async close() {
      closed = true;
      await Promise.all([...agents.values(), ...pools].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

/** Travels with a request through undici, and learns which connection it went out on. */
export interface PeerSlot {
  /** The address of that connection's peer. */
  address: () => string | undefined;
}

/** Bytes that the headers of an answer may have, unless the caller says otherwise. */
export const MAX_HEADER_BYTES: number = 16 * 1024;
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

/** What a look-up fails with when none of a name's addresses may be dialled. */
export const ADDRESS_REFUSED = 'ERR_KUBEPULL_ADDRESS_REFUSED';

/** Finds all addresses of a name. */
type FindAddresses = (hostname: string) => Promise<readonly string[]>;

async function findAddresses(hostname: string): Promise<readonly string[]> {
  return (await systemLookup(hostname, { all: true })).map(({ address }) => address);
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

/**
 * Refuses a name that leads to refused addresses only, as far as that can be known here: what goes through a proxy is
 * looked up by the proxy, and a name that only the proxy knows has to be left to it.
 */
async function checkProxied(find: FindAddresses, hostname: string, allowed: readonly AddressClass[]): Promise<void> {
  if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) return;
  const found = await find(hostname).catch(() => []);
  if (found.length > 0 && !found.some((address) => isAllowed(address, allowed))) throw addressFault(ADDRESS_REFUSED);
}

async function findAllowed(
  find: FindAddresses,
  hostname: string,
  allowed: readonly AddressClass[] | undefined,
): Promise<readonly string[]> {
  const found = await find(hostname);
  const addresses = found.filter((address) => isAllowed(address, allowed));
  if (addresses.length > 0) return addresses;
  throw addressFault(found.length === 0 ? 'ENOTFOUND' : ADDRESS_REFUSED);
}

/** Whether an address is one, and may be dialled. */
export function isAllowed(address: string, allowed: readonly AddressClass[] | undefined): boolean {
  const found = classifyAddress(address);
  return found !== undefined && (allowed === undefined || allowed.includes(found));
}

function addressFault(code: string): Error {
  return Object.assign(new Error(code), { code });
}
