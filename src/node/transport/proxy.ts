import { env } from 'node:process';
import type { Secret } from '../../docker-config/index.js';
import { optionError } from './option-error.js';
import { type NoProxy, parseNoProxy } from './no-proxy.js';

/**
 * Proxies of one's own choice. A URL is `http://host:port` or `https://host:port`, with user info where the proxy wants
 * it; as a `Secret` it shows nowhere.
 *
 * @public
 */
export interface ProxySettings {
  /** For registries on plain HTTP. */
  readonly http?: string | Secret | undefined;
  /** For all others; through it goes a tunnel, so that it sees names of hosts only. */
  readonly https?: string | Secret | undefined;
  /**
   * What goes without a proxy, as in `NO_PROXY`: host names with their subdomains, `.suffixes`, addresses, CIDR ranges,
   * each with a port if need be, separated by commas; `*` is everything.
   */
  readonly noProxy?: string | undefined;
}

/**
 * - `'environment'`: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, or their lower-case names, read when the transport is
 *   made; by Go's rules, so as containerd and skopeo do.
 * - `'none'`: connections go straight out.
 *
 * @public
 */
export type ProxyOption = 'environment' | 'none' | ProxySettings;

/** Finds the proxy for a URL; `undefined` for none. */
export type FindProxy = (url: URL) => URL | undefined;

/**
 * Localhost and loopback addresses are never for a proxy.
 *
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a proxy URL that is none
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
