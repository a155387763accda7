import { RequestRefusedError } from '../../errors/index.js';
import { type Kind } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { type Mask, printable, redactUrl } from '../../internal/index.js';
import { classifyAddress } from '../transport/address.js';
import type { AddressClass } from '../transport/transport.js';

const MAX_REALM_LENGTH = 2048;
const NO_REALM = 'its challenge names no realm, so it is not known who gives one';
const MAX_SHOWN = 256;
const REALM_CURE = 'if it is trusted, say so by the option realmPolicy';
const REDIRECT_CURE = 'if it is trusted, say so by the option redirectPolicy';
const MAX_REDIRECT_LENGTH = 16 * 1024;

/**
 * How far a token realm is trusted: `guarded` at the registry itself, at public addresses, and in the kind of network
 * that the registry stands in; `same-origin` at the registry itself only; `trusted` wherever it is.
 *
 * @public
 */
export type RealmRule = 'guarded' | 'same-origin' | 'trusted';

/**
 * Which rule holds for a token realm. Trust is a matter of a pair, so a function gives it for a registry's origin and a
 * realm's URL; `trusted` for all would let any registry send a credential anywhere.
 *
 * @public
 */
export type RealmPolicy = Exclude<RealmRule, 'trusted'> | ((registry: string, realm: string) => RealmRule);

export const realmPolicyKind: Kind = /* @__PURE__ */ is.either(
  /* @__PURE__ */ is.oneOf('guarded', 'same-origin'),
  is.callable,
);

/**
 * Where a registry's redirects, and the URLs that images name for layers, may lead: `guarded` to public addresses and into
 * the kind of network that the registry stands in. A function decides for a pair, of the registry's origin and the
 * target's: `trusted` lets the target be at a private or loopback address as well. Link-local addresses, those of a
 * cloud's metadata among them, are never asked, TLS is never left, and no credential of the registry goes along.
 *
 * @public
 */
export type RedirectPolicy = 'guarded' | ((registry: string, target: string) => 'guarded' | 'trusted');

export const redirectPolicyKind: Kind = /* @__PURE__ */ is.either(/* @__PURE__ */ is.oneOf('guarded'), is.callable);

/** What is known of the registry that names another URL. */
export interface RegistryPeer {
  /** Such as `https://registry.example.com`. */
  readonly origin: string;
  /** The address that the registry itself was reached at, where the platform tells it. */
  readonly address: string | undefined;
  /** The registry that led here, whose operator's trust holds. @defaultValue the origin itself */
  readonly behalf?: string | undefined;
  /** For what is shown of the URL. @defaultValue nothing is masked */
  readonly mask?: Mask | undefined;
}

/** A URL that may be requested, and the classes of addresses that may be dialled for it; any when `undefined`. */
export interface AdmittedUrl {
  readonly url: URL;
  readonly allowAddresses: readonly AddressClass[] | undefined;
}

/** Where a chain of requests stands that is told to go on elsewhere. */
export interface RedirectFrom {
  readonly url: string;
  readonly allowAddresses: readonly AddressClass[] | undefined;
  /** The kind of network that the chain may not leave but for the public one, see {@link networkOf}. */
  readonly network: AddressClass | undefined;
  /** For what is shown of the target. @defaultValue nothing is masked */
  readonly mask?: Mask | undefined;
}

type Refuse = (rule: string, reason: string) => RequestRefusedError;

/** The kind of network that a server stands in; `undefined` when it is not known. */
export function networkOf(url: string, address: string | undefined): AddressClass | undefined {
  return classifyAddress(new URL(url).hostname) ?? classifyAddress(address ?? '');
}

/**
 * Decides whether a token realm may be asked. The registry's own origin always may; what else may is for the policy to
 * say, and only over TLS (plain HTTP when the registry itself is).
 *
 * @throws {@link RequestRefusedError} with the rule that refuses it
 */
export function admitRealm(realm: string, registry: RegistryPeer, policy: RealmPolicy = 'guarded'): AdmittedUrl {
  const { mask = (text) => text } = registry;
  if (realm === '') throw refusal('get a token for', registry.origin)('invalid-url', NO_REALM);
  const refuse = refusal('ask token realm', printable(mask(showRealm(realm)), MAX_SHOWN));
  if (realm.length > MAX_REALM_LENGTH) throw refuse('too-long', `it has more than ${MAX_REALM_LENGTH} characters`);
  if (/[^ -~]/.test(realm)) throw refuse('invalid-url', 'it has a character that no URL has');
  const url = parseUrl(realm, undefined);
  if (url === undefined) throw refuse('invalid-url', 'it is not a URL');
  checkForm(url, registry.origin, refuse);
  if (url.hash !== '') throw refuse('fragment', 'it has a fragment');
  if (url.origin === registry.origin) return { url, allowAddresses: undefined };
  const rule = typeof policy === 'function' ? policy(registry.origin, redactUrl(url)) : policy;
  if (rule === 'same-origin') throw refuse('foreign-realm', `it is not at the registry itself; ${REALM_CURE}`);
  if (rule === 'trusted') return { url, allowAddresses: undefined };
  return guard(url, networkOf(registry.origin, registry.address), (why, reason) =>
    refuse(why, `${reason}; ${REALM_CURE}`),
  );
}

/**
 * Decides whether a redirect may be followed: the same address rules as for realms, and never from TLS to plain HTTP.
 *
 * @param location - the `Location` header, which may be relative
 * @param from - the request that was redirected
 * @param registry - the origin of the registry, to which a redirect may always lead back
 * @param policy - which targets are trusted beyond these rules
 * @throws {@link RequestRefusedError} with the rule that refuses it
 */
export function admitRedirect(
  location: string,
  from: RedirectFrom,
  registry: string,
  policy: RedirectPolicy = 'guarded',
): AdmittedUrl {
  const url = location.length > MAX_REDIRECT_LENGTH ? undefined : parseUrl(location, from.url);
  const { mask = (text) => text } = from;
  const refuse = refusal('follow redirect', url === undefined ? '<invalid URL>' : mask(showTarget(url)));
  if (location.length > MAX_REDIRECT_LENGTH)
    throw refuse('too-long', `it has more than ${MAX_REDIRECT_LENGTH} characters`);
  if (url === undefined || /[\u0000-\u001f\u007f]/.test(location)) throw refuse('invalid-url', 'it is not a URL');
  checkForm(url, from.url, refuse);
  url.hash = '';
  if (url.origin === registry) return { url, allowAddresses: undefined };
  // A name may resolve to something else by now, so what held for the first request to it holds on.
  if (url.origin === new URL(from.url).origin) return { url, allowAddresses: from.allowAddresses };
  const trusted = typeof policy === 'function' && policy(registry, url.origin) === 'trusted';
  return guard(url, trusted ? 'trusted' : from.network, (rule, reason) => refuse(rule, `${reason}; ${REDIRECT_CURE}`));
}

/**
 * Decides whether content may be fetched from a URL that an image names: as for a redirect from the registry, but that
 * the URL stands for itself.
 *
 * @throws {@link RequestRefusedError} with the rule that refuses it
 */
export function admitForeign(
  url: string,
  { origin, address, mask }: RegistryPeer,
  policy?: RedirectPolicy,
): AdmittedUrl {
  if (!URL.canParse(url)) throw refusal('fetch', '<invalid URL>')('invalid-url', 'it is not a URL');
  const from = { url: origin, allowAddresses: ['public'], network: networkOf(origin, address), mask } as const;
  return admitRedirect(url, from, origin, policy);
}

/**
 * Decides where an upload goes on: at the registry's own origin, because the credential goes there too.
 *
 * @param location - the `Location` header, which may be relative
 * @param from - the URL that answered with it
 * @param mask - for what is shown of the target
 * @returns the URL to go on at
 * @throws {@link RequestRefusedError} with the rule that refuses it
 */
export function admitUpload(location: string, from: string, mask: Mask = (text) => text): string {
  const { url } = admitRedirect(
    location,
    { url: from, allowAddresses: undefined, network: undefined, mask },
    new URL(from).origin,
  );
  if (url.origin === new URL(from).origin) return url.href;
  throw refusal('upload to', mask(showTarget(url)))('foreign-upload', 'it is not at the registry itself');
}

/** A realm for messages, also one that no URL parser takes: without user info, query and fragment. */
function showRealm(realm: string): string {
  if (URL.canParse(realm)) return redactUrl(realm);
  const [text = ''] = realm.split(/[?#]/, 1);
  const at = text.lastIndexOf('@');
  if (at === -1) return text;
  const [scheme = ''] = /^\w+:\/\//.exec(text) ?? [];
  return `${scheme}…@${text.slice(at + 1)}`;
}

/** A redirect's target for messages: some are signed in the path, so no more than where it is. */
export function showTarget(url: URL): string {
  return isHttp(url) ? `${url.origin}/…` : `${url.protocol}…`;
}

function checkForm(url: URL, from: string, refuse: Refuse): void {
  if (!isHttp(url)) throw refuse('scheme', 'only http and https are spoken');
  if (from.startsWith('https:') && url.protocol === 'http:') throw refuse('scheme-downgrade', 'it would leave TLS');
  if (url.username !== '' || url.password !== '') throw refuse('user-info', 'it carries user info');
}

/** Lets through the public network, and the kind of network that the registry stands in itself. */
function guard(url: URL, network: AddressClass | 'trusted' | undefined, refuse: Refuse): AdmittedUrl {
  const allowAddresses = addressesFor(network);
  const literal = classifyAddress(url.hostname);
  if (literal !== undefined && !allowAddresses.includes(literal))
    throw refuse(`${literal}-address`, `its address is ${literal}`);
  return { url, allowAddresses };
}

function addressesFor(network: AddressClass | 'trusted' | undefined): readonly AddressClass[] {
  if (network === 'trusted') return ['public', 'private', 'loopback'];
  return network === 'private' || network === 'loopback' ? ['public', network] : ['public'];
}

function refusal(verb: string, shown: string): Refuse {
  return (rule, reason) => new RequestRefusedError(`Cannot ${verb} ${shown}: ${reason}`, { url: shown, rule });
}

function isHttp({ protocol }: URL): boolean {
  return protocol === 'https:' || protocol === 'http:';
}

function parseUrl(text: string, base: string | undefined): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
