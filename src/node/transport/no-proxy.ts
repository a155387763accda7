import { BlockList, isIP, isIPv4 } from 'node:net';
import { classifyAddress } from '../../distribution/index.js';

/** Whether a URL goes without a proxy. */
export type NoProxy = (url: URL) => boolean;

/** One entry: a host to compare, and the port that it is limited to. */
interface Entry {
  readonly matches: (host: string) => boolean;
  readonly port: string | undefined;
}

/**
 * Reads `NO_PROXY` as Go does.
 *
 * @see init and useProxy in golang.org/x/net/http/httpproxy
 */
export function parseNoProxy(text: string): NoProxy {
  const entries = text
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== '')
    .flatMap(parseEntry);
  return (url) => {
    const host = hostOf(url);
    if (host === 'localhost' || classifyAddress(url.hostname) === 'loopback') return true;
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
    return entries.some((entry) => entry.matches(host) && (entry.port === undefined || entry.port === port));
  };
}

/** A host as it is compared: without the brackets of an IPv6 address and without the dot of a full name. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

function parseEntry(part: string): readonly Entry[] {
  if (part === '*') return [{ matches: () => true, port: undefined }];
  const range = parseRange(part);
  if (range !== undefined) return [{ matches: range, port: undefined }];
  const { host, port } = splitPort(part);
  if (host === '') return [];
  if (isIP(host) !== 0) return [{ matches: (other) => sameAddress(host, other), port }];
  const suffix = host.replace(/^\*?\./, '.');
  if (suffix.startsWith('.')) return [{ matches: (other) => other.endsWith(suffix), port }];
  return [{ matches: (other) => other === host || other.endsWith(`.${host}`), port }];
}

function parseRange(part: string): Entry['matches'] | undefined {
  const [, network = '', length = ''] = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(part) ?? [];
  if (isIP(network) === 0 || Number(length) > (isIPv4(network) ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(network, Number(length), familyOf(network));
  return (host) => isIP(host) !== 0 && list.check(host, familyOf(host));
}

/** `host`, `host:port`, `[v6]:port` or a bare IPv6 address. */
function splitPort(part: string): { readonly host: string; readonly port: string | undefined } {
  if (isIP(part) !== 0) return { host: part, port: undefined };
  const [, host = part, port] = /^(.*):(\d+)$/.exec(part) ?? [];
  return { host: host.replace(/^\[|\]$/g, ''), port };
}

function sameAddress(one: string, other: string): boolean {
  if (isIP(other) === 0) return false;
  const list = new BlockList();
  list.addAddress(one, familyOf(one));
  return list.check(other, familyOf(other));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}
