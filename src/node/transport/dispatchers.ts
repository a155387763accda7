import type { Dispatcher, Pool } from 'undici';
import type { AddressClass } from '../../distribution/index.js';
import { createGuardedAgent, createProxyAgent } from './agent.js';
import type { TransportLimits } from './limits.js';
import { checkProxied, findAddresses } from './lookup.js';
import type { UndiciTransportOptions } from './options.js';
import { planProxy } from './proxy.js';
import { planTls } from './tls.js';

/** The agents of one transport, made as they are needed; requests share connections only under the same rules. */
export interface Dispatchers {
  readonly closed: boolean;
  /** The dispatcher for a URL. Fails where a proxy would lead to addresses of other classes. */
  find(url: URL, allowed: readonly AddressClass[] | undefined): Dispatcher | Promise<Dispatcher>;
  close(): Promise<void>;
}

export function createDispatchers(options: UndiciTransportOptions, limits: TransportLimits): Dispatchers {
  const { dispatcher: given, lookup: find = findAddresses, connectTimeoutMs = 10_000 } = options;
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
    find(url, allowed) {
      if (given !== undefined) return given;
      const settings = { find, connectTimeoutMs, ...limits, tls: tls.settingsOf(url.origin), onPool };
      const key = tls.keyOf(url.origin);
      const proxy = proxyOf(url);
      if (proxy === undefined) {
        const rules = allowed?.toSorted().join() ?? 'any';
        return agentFor(['direct', rules, key], () => createGuardedAgent(settings, allowed));
      }
      const agent = agentFor(['proxy', proxy.href, key], () =>
        createProxyAgent(proxy, settings, tls.settingsOf(proxy.origin)),
      );
      return allowed === undefined ? agent : checkProxied(find, url.hostname, allowed).then(() => agent);
    },
    async close() {
      closed = true;
      await Promise.all([...agents.values(), ...pools].map((dispatcher) => dispatcher.destroy()));
    },
  };
}
