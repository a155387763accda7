import { type Kind } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { RequestRefusedError } from '../../errors/index.js';
import { createMask, type Mask, redactUrl } from '../../internal/index.js';
import type { Admission, FollowedResponse, Transport, TransportRequest } from '../transport/transport.js';
import { admitRedirect, networkOf, type RedirectPolicy, type RegistryPeer, showTarget } from './url-policy.js';

/** Redirects of one request for content that are followed, unless the caller says otherwise. */
const DEFAULT_MAX_REDIRECTS = 5;
/** What Go's clients follow. */
const MOST_REDIRECTS = 10;
const MORE_REDIRECTS = 'the option maxRedirects allows more';
/** A secret as long as this does not stand in a document by chance. */
const LONG_SECRET = 16;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);
/** What another origin may see of a request; credentials and the caller's own headers are not in it. */
const HARMLESS: ReadonlySet<string> = new Set(['accept', 'accept-encoding', 'range', 'user-agent']);

export const redirectLimitKind: Kind = /* @__PURE__ */ is.wholeFrom(0, MOST_REDIRECTS);

/** Where redirects may lead. */
export interface RedirectRules {
  readonly maxRedirects?: number | undefined;
  /** What else than public and neighbouring addresses a redirect may lead to. */
  readonly policy?: RedirectPolicy | undefined;
  /** Whether to refuse any other origin, instead of going there without credentials. */
  readonly sameOriginOnly?: boolean;
  /** What the request has of secrets beside its `Authorization`, so that no answer gets them shown. */
  readonly secrets?: readonly (string | undefined)[];
  /** Whether the credential may go on to another path of the same origin. */
  readonly keepsCredential?: (path: string) => boolean;
  /** What another origin is sent of its own. */
  readonly authorizationAt?: (url: URL) => Admission | undefined;
}

/**
 * Sends a request and, when it is a GET or HEAD, follows redirects by our own rules: within the address policy, and as
 * soon as one leaves the origin all but a few harmless headers are dropped, for the rest of the chain. What writes, or
 * has a secret in its body, is not sent on.
 */
export async function sendFollowing(
  transport: Transport,
  request: TransportRequest,
  registry: RegistryPeer,
  rules: RedirectRules = {},
): Promise<FollowedResponse> {
  const { maxRedirects = DEFAULT_MAX_REDIRECTS, sameOriginOnly = false, secrets = [], policy } = rules;
  const { keepsCredential = () => true, authorizationAt = () => undefined } = rules;
  const home = new URL(request.url).origin;
  const { behalf = registry.origin } = registry;
  let network = networkOf(registry.origin, registry.address);
  let current = request;
  let foreign = false;
  const sent = [...secrets, secretOf(request)];
  for (let hops = 0; ; hops += 1) {
    const away = new URL(current.url).origin !== behalf;
    const response = await transport(away ? { ...current, registry: behalf } : current);
    const [location] = response.headers.get('location') ?? [];
    if (!READING.has(request.method) || !REDIRECTS.has(response.status) || location === undefined) {
      const { mask, echoes } = masksOf(sent);
      return followedTo(current, { response, request, foreign, mask, echoes });
    }
    await response.discard();
    if (hops === maxRedirects)
      throw refused(current, 'too-many-redirects', `it redirects more than ${maxRedirects} times; ${MORE_REDIRECTS}`);
    const here = networkOf(current.url, response.remoteAddress);
    // Whoever stands outside cannot lead back in.
    network = here === 'public' ? here : (network ?? here);
    const { maskUrl } = masksOf(sent);
    const from = { url: current.url, allowAddresses: current.allowAddresses, network, mask: maskUrl };
    const { url, allowAddresses } = admitRedirect(location, from, registry.origin, policy);
    if (sameOriginOnly && url.origin !== home)
      throw refused(current, 'foreign-redirect', 'it redirects to another origin');
    foreign ||= url.origin !== home;
    for (const value of url.searchParams.values()) sent.push(value);
    const kept = foreign || !keepsCredential(url.pathname) ? harmless(current.headers) : current.headers;
    // Who was left gets nothing any more, not even what another server would give it.
    const admission = foreign && url.origin !== registry.origin ? authorizationAt(url) : undefined;
    const headers = admission === undefined ? kept : { ...kept, authorization: admission.authorization };
    for (const secret of admission?.secrets ?? []) sent.push(secret);
    current = { ...current, url: url.href, headers, allowAddresses, shownUrl: maskUrl(showTarget(url)) };
    sent.push(secretOf(current));
  }
}

function followedTo(
  last: TransportRequest,
  rest: Omit<FollowedResponse, 'url' | 'authorization' | 'shown'>,
): FollowedResponse {
  return { ...rest, url: last.url, authorization: last.headers['authorization'], shown: shownUrl(last) };
}

function secretOf({ headers }: TransportRequest): string | undefined {
  return headers['authorization']?.replace(/^\w+ /, '');
}

/** What hides secrets in a text and in the URL of a server, and what finds them in a document. */
export function masksOf(
  secrets: readonly (string | undefined)[],
): Pick<FollowedResponse, 'mask' | 'echoes'> & { readonly maskUrl: Mask } {
  const long = createMask(secrets, LONG_SECRET);
  const unescape = (text: string): string =>
    text.replaceAll(/\\u([\da-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return {
    mask: createMask(secrets),
    // A short one may be a part of a server's name.
    maskUrl: long,
    echoes(document) {
      const text = unescape(document);
      return long(text) !== text;
    },
  };
}

/** What messages call the URL of a request. */
function shownUrl({ url, shownUrl }: TransportRequest): string {
  return shownUrl ?? redactUrl(url);
}

function harmless(headers: TransportRequest['headers']): TransportRequest['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => HARMLESS.has(name.toLowerCase())));
}

function refused(request: TransportRequest, rule: string, reason: string): RequestRefusedError {
  const url = shownUrl(request);
  return new RequestRefusedError(`Cannot ${request.method} ${url}: ${reason}`, { url, rule });
}
