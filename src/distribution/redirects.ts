import { RequestRefusedError } from '../errors/index.js';
import { redactUrl } from '../internal/index.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';
import { admitRedirect, type RegistryPeer } from './url-policy.js';

/** Redirects of one request for content that are followed. */
const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** What another origin may see of a request; credentials and the caller's own headers are not in it. */
const HARMLESS: ReadonlySet<string> = new Set(['accept', 'accept-encoding', 'range', 'user-agent']);

/** An answer, and whether it came from the origin that was asked. */
export interface FollowedResponse {
  readonly response: TransportResponse;
  readonly url: string;
  readonly foreign: boolean;
}

/** Where redirects may lead. */
export interface RedirectRules {
  readonly maxRedirects?: number;
  /** Whether to refuse any other origin, instead of going there without credentials. */
  readonly sameOriginOnly?: boolean;
  /** Whether the credential may go on to another path of the same origin. */
  readonly keepsCredential?: (path: string) => boolean;
}

/**
 * Sends a GET or HEAD and follows redirects by our own rules: within the address policy, and as soon as one leaves the
 * origin all but a few harmless headers are dropped, for the rest of the chain.
 */
export async function sendFollowing(
  transport: Transport,
  request: TransportRequest,
  registry: RegistryPeer,
  rules: RedirectRules = {},
): Promise<FollowedResponse> {
  const { maxRedirects = MAX_REDIRECTS, sameOriginOnly = false, keepsCredential = () => true } = rules;
  let current = request;
  let foreign = false;
  for (let hops = 0; ; hops += 1) {
    const response = await transport(current);
    const [location] = response.headers.get('location') ?? [];
    if (!REDIRECTS.has(response.status) || location === undefined) return { response, url: current.url, foreign };
    await response.discard();
    if (hops === maxRedirects)
      throw refused(request, 'too-many-redirects', `it redirects more than ${maxRedirects} times`);
    const peer = { ...registry, address: registry.address ?? response.remoteAddress };
    const { url, sameOrigin, allowAddresses } = admitRedirect(location, current.url, peer);
    if (sameOriginOnly && !sameOrigin) throw refused(request, 'foreign-redirect', 'it redirects to another origin');
    foreign ||= !sameOrigin;
    const headers = foreign || !keepsCredential(url.pathname) ? harmless(current.headers) : current.headers;
    current = { ...current, url: url.href, headers, allowAddresses };
  }
}

function harmless(headers: TransportRequest['headers']): TransportRequest['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => HARMLESS.has(name.toLowerCase())));
}

function refused({ method, url }: TransportRequest, rule: string, because: string): RequestRefusedError {
  return new RequestRefusedError(`Cannot ${method} ${redactUrl(url)}: ${because}`, { url: redactUrl(url), rule });
}
