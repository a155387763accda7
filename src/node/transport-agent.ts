import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import { Agent, buildConnector, Client, Pool } from 'undici';
import { type AddressClass, classifyAddress } from '../distribution/index.js';
import type { UndiciTransportOptions } from './transport-options.js';

/** What a look-up gives when none of a name's addresses may be dialled. */
export const ADDRESS_REFUSED = 'ERR_KUBEPULL_ADDRESS_REFUSED';

/** Travels with a request through undici, and learns which connection it went out on. */
export interface PeerSlot {
  /** The address of that connection's peer. */
  address: () => string | undefined;
}

/**
 * Makes an agent that dials addresses of some classes only. Agents for different classes share no connection.
 *
 * A request whose `opaque` is a {@link PeerSlot} learns its peer. Undici tells it nowhere, and the peer of another
 * connection to the same origin will not do: its name may resolve to several, of which a hostile one chooses.
 */
export function createGuardedAgent(
  options: UndiciTransportOptions,
  allowed: readonly AddressClass[] | undefined,
): Agent {
  const { lookup = lookupAll, connectTimeoutMs = 10_000, headersTimeoutMs = 30_000, bodyTimeoutMs = 30_000 } = options;
  const ca = options.ca === undefined ? {} : { ca: typeof options.ca === 'string' ? options.ca : [...options.ca] };
  const connect = buildConnector({ timeout: connectTimeoutMs, lookup: guardedLookup(lookup, allowed), ...ca });
  return new Agent({
    headersTimeout: headersTimeoutMs,
    bodyTimeout: bodyTimeoutMs,
    factory: (origin, inherited) =>
      new Pool(origin, {
        ...(inherited as Pool.Options),
        factory: (url, limits) => createClient(url, limits, connect),
      }),
  });
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
    const code = found.length === 0 ? 'ENOTFOUND' : ADDRESS_REFUSED;
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

/** Whether an address is one, and may be dialled. */
export function isAllowed(address: string, allowed: readonly AddressClass[] | undefined): boolean {
  const found = classifyAddress(address);
  return found !== undefined && (allowed === undefined || allowed.includes(found));
}
