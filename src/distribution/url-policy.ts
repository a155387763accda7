import { RequestRefusedError } from '../errors/index.js';
import { redactUrl } from '../internal/index.js';
import { classifyAddress } from './address.js';
import type { AddressClass } from './transport.js';

const MAX_URL_LENGTH = 2048;
const MAX_REDIRECT_LENGTH = 16 * 1024;

/** What is known of the registry that names another URL. */
export interface RegistryPeer {
  /** Such as `https://registry.example.com`. */
  readonly origin: string;
  /** The address that the registry itself was reached at, where the platform tells it. */
  readonly address: string | undefined;
}

/** A URL that may be requested, and the classes of addresses that may be dialled for it; any when `undefined`. */
export interface AdmittedUrl {
  readonly url: URL;
  readonly sameOrigin: boolean;
  readonly allowAddresses: readonly AddressClass[] | undefined;
}

/**
 * Decides whether a token realm may be asked. The registry's own origin always may; another one only over TLS (plain
 * HTTP when the registry itself is), and only at public addresses or at those of the registry's own class.
 *
 * @throws {@link RequestRefusedError} with the rule that refuses it
 */
export function admitRealm(realm: string, registry: RegistryPeer): AdmittedUrl {
  return admit(realm, undefined, registry, 'ask token realm', MAX_URL_LENGTH);
}

/**
 * Decides whether a redirect may be followed: the same address rules as for realms, and never from TLS to plain HTTP.
 *
 * @param location - the `Location` header, which may be relative
 * @param from - the URL that redirects
 * @throws {@link RequestRefusedError} with the rule that refuses it
 */
export function admitRedirect(location: string, from: string, registry: RegistryPeer): AdmittedUrl {
  return admit(location, from, registry, 'follow redirect', MAX_REDIRECT_LENGTH);
}

function admit(
  text: string,
  base: string | undefined,
  registry: RegistryPeer,
  verb: string,
  limit: number,
): AdmittedUrl {
  const refuse = (rule: string, because: string): RequestRefusedError =>
    new RequestRefusedError(`Cannot ${verb} ${redactUrl(text.slice(0, limit))}: ${because}`, {
      url: redactUrl(text.slice(0, limit)),
      rule,
    });
  if (text.length > limit) throw refuse('too-long', `it has more than ${limit} characters`);
  const url = parseUrl(text, base);
  if (url === undefined) throw refuse('invalid-url', 'it is not a URL');
  const secure = new URL(base ?? registry.origin).protocol === 'https:';
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refuse('scheme', 'only http and https are spoken');
  if (secure && url.protocol === 'http:') throw refuse('scheme-downgrade', 'it would leave TLS');
  if (url.username !== '' || url.password !== '') throw refuse('user-info', 'it carries user info');
  if (base === undefined && url.hash !== '') throw refuse('fragment', 'it has a fragment');
  if (url.origin === registry.origin) return { url, sameOrigin: true, allowAddresses: undefined };
  const allowAddresses = addressesFor(registry);
  const literal = classifyAddress(url.hostname);
  if (literal !== undefined && !allowAddresses.includes(literal))
    throw refuse(`${literal}-address`, `its address is ${literal}`);
  return { url, sameOrigin: false, allowAddresses };
}

/** What the registry may send us to: the public network, and the kind of network that it stands in itself. */
function addressesFor(registry: RegistryPeer): readonly AddressClass[] {
  const own = classifyAddress(new URL(registry.origin).hostname) ?? classifyAddress(registry.address ?? '');
  return own === 'private' || own === 'loopback' ? ['public', own] : ['public'];
}

function parseUrl(text: string, base: string | undefined): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
