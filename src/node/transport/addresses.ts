import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type AddressClass, classifyAddress } from '../../distribution/index.js';

/** What a look-up fails with when none of a name's addresses may be dialled. */
export const ADDRESS_REFUSED = 'ERR_KUBEPULL_ADDRESS_REFUSED';

/** Finds all addresses of a name. */
export type FindAddresses = (hostname: string) => Promise<readonly string[]>;

export async function findAddresses(hostname: string): Promise<readonly string[]> {
  return (await systemLookup(hostname, { all: true })).map(({ address }) => address);
}

/**
 * Refuses a name that leads to refused addresses only, as far as that can be known here: what goes through a proxy is
 * looked up by the proxy, and a name that only the proxy knows has to be left to it.
 */
export async function checkProxied(
  find: FindAddresses,
  hostname: string,
  allowed: readonly AddressClass[],
): Promise<void> {
  if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) return;
  const found = await find(hostname).catch(() => []);
  if (found.length > 0 && !found.some((address) => isAllowed(address, allowed))) throw addressFault(ADDRESS_REFUSED);
}

export async function findAllowed(
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
