import { BlockList, isIP, isIPv4 } from 'node:net';
import { env } from 'node:process';
import { classifyAddress } from '../../distribution/index.js';
import type { Secret } from '../../docker-config/index.js';
import { optionError, type ProxyOption, type ProxySettings } from './options.js';

/** Finds the proxy for a URL; `undefined` for none. */
type FindProxy = (url: URL) => URL | undefined;

/**
 * Localhost and loopback addresses are never for a proxy.
 *
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a proxy URL that is not a URL
 * @see FromEnvironment in golang.org/x/net/http/httpproxy
 */
export function planProxy(option: ProxyOption = 'environment'): FindProxy {
  if (option === 'none') return () => undefined;
  const settings = option === 'environment' ? fromEnvironment() : option;
  const http = parseProxy('HTTP', settings.http);
  const https = parseProxy('HTTPS', settings.https);
  const bypassed: NoProxy = parseNoProxy(settings.noProxy ?? '');
  return (url) => {
    const proxy = url.protocol === 'https:' ? https : http;
    return proxy === undefined || bypassed(url) ? undefined : proxy;
  };
}

function fromEnvironment(): ProxySettings {
  const read = (name: string): string | undefined => env[name] || env[name.toLowerCase()] || undefined;
  // A web server sets HTTP_PROXY from a client's `Proxy` header when it starts a CGI program.
  const http = env['REQUEST_METHOD'] === undefined ? read('HTTP_PROXY') : undefined;
  return { http, https: read('HTTPS_PROXY'), noProxy: read('NO_PROXY') };
}

function parseProxy(scheme: string, value: string | Secret | undefined): URL | undefined {
  if (value === undefined || value === '') return undefined;
  const text = typeof value === 'string' ? value : value.reveal();
  const full = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  // Not quoted: it may hold a password.
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === '')
    throw optionError(`the ${scheme} proxy: it is not an http or https URL`);
  if (isEscaped(`${url.username}:${url.password}`)) return url;
  throw optionError(`the ${scheme} proxy: its user info has a % that has to be written as %25`);
}

function isEscaped(text: string): boolean {
  try {
    return decodeURIComponent(text) !== undefined;
  } catch {
    return false;
  }
}

/** Whether a URL goes without a proxy. */
type NoProxy = (url: URL) => boolean;

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
function parseNoProxy(text: string): NoProxy {
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
