import type { Dispatcher, Pool } from 'undici';
import type { AddressClass } from '../../distribution/index.js';
import type { ExchangeLimits } from '../../distribution/inner.js';
import { checkProxied, findAddresses, findAllowed } from './addresses.js';
import type { UndiciTransportOptions } from './options.js';
import { planProxy } from './proxy.js';
import { type PlainTls, planTls } from './tls.js';
import type { AgentMakers } from './agents.js';

/** The agents of one transport, made as they are needed; requests share connections only under the same rules. */
export interface Dispatchers {
  readonly closed: boolean;
  /**
   * The dispatcher for a URL. Fails where a proxy would lead to addresses of other classes, and where this runtime has no
   * undici.
   */
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
  let makers: AgentMakers | undefined;

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
  const findAgent = (
    { createGuardedAgent, createProxyAgent }: AgentMakers,
    url: URL,
    allowed: readonly AddressClass[] | undefined,
    registry: string | undefined,
  ): Dispatcher | Promise<Dispatcher> => {
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
      if (makers !== undefined) return findAgent(makers, url, allowed, registry);
      return loadAgents().then((loaded) => {
        makers = loaded;
        // What is made now nobody would end.
        if (closed) throw new Error('closed');
        return findAgent(loaded, url, allowed, registry);
      });
    },
    async close() {
      closed = true;
      await Promise.all([...agents.values(), ...pools].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

/** Loads what needs undici, which takes longer than all the rest of the library: with the first request that needs it. */
async function loadAgents(): Promise<AgentMakers> {
  return (await import('./agents.js')).loadAgentMakers();
}
