import { trimEnd } from '../internal/index.js';
import type { ImageName } from '../reference/index.js';
import { imageNameText } from '../reference/inner.js';
import { checkMatchOptions, checkText } from './options.js';
import type { MatchOptions, ParsedTarget } from './types.js';

const SCHEME = /^https?:\/\//;
/** Other names of Docker Hub, which Docker and podman take for one. */
const HUB = /^(?:index|registry-1)\.docker\.io$/;

/**
 * The normal form of a credential key: what kubelet orders, merges and matches by.
 *
 * The scheme, user info, query and fragment are lost, as is a `/v1` or `/v2` in front of more path; escapes are decoded.
 * Case, ports and a final slash of a longer path are kept.
 *
 * @param key - a key of `auths`, such as `https://index.docker.io/v1/`
 * @param options - with the dialect `documented`, `?`, `[…]` and `\` are parts of a glob instead of URL syntax
 * @returns the normal form, or `undefined` when kubelet drops the entry because the key is no URL
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an unknown option value
 * @example
 * ```ts
 * import { normalizeKey } from 'kubepull/match';
 *
 * normalizeKey('https://index.docker.io/v1/'); // 'index.docker.io'
 * normalizeKey('a:b:c'); // undefined
 * ```
 * @see BasicDockerKeyring.Add in kubernetes pkg/credentialprovider/keyring.go
 * @public
 */
export function normalizeKey(key: string, options: MatchOptions = {}): string | undefined {
  checkMatchOptions(options);
  const location = readKey(key, options);
  return location === undefined ? undefined : location.host + location.path;
}

/**
 * Takes a credential key apart for matching.
 *
 * @param key - a key of `auths`, as written in the file
 * @param options - how the key is going to be matched; only the dialect counts here
 * @returns its parts, or `undefined` when it can match no image: the key is not a URL, or its normal form is not one
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an unknown option value
 * @example
 * ```ts
 * import { parsePattern } from 'kubepull/match';
 *
 * const pattern = parsePattern('https://*.example.com:5000/v2/team');
 * // { key: '*.example.com:5000/team', labels: ['*', 'example', 'com'], port: '5000', path: '/team', literal: false }
 * ```
 * @see BasicDockerKeyring.Add and URLsMatchStr in kubernetes pkg/credentialprovider/keyring.go
 * @public
 */
export function parsePattern(key: string, options: MatchOptions = {}): ParsedTarget | undefined {
  checkMatchOptions(options);
  return readPattern(key, options);
}

/** The same with options that are known to be right. */
export function readPattern(key: string, options: MatchOptions): ParsedTarget | undefined {
  const location = readKey(key, options);
  if (location === undefined) return undefined;
  if (options.dialect === 'documented') return documentedTarget(location);
  if (options.dialect === 'docker') return { ...hostTarget(location), literal: true };
  // kubelet stores the normal form as text and parses it again for every look-up: escapes are decoded twice.
  if (location.isPlain) return hostTarget(location);
  const normal = location.host + location.path;
  const target = readTarget(normal);
  return target === undefined ? undefined : { ...target, key: normal };
}

/**
 * Takes an image's name apart for matching.
 *
 * @param image - its parsed name
 * @param options - how keys are going to be matched with it; only the dialect counts here
 * @returns the parts, or `undefined` when the name cannot be read as a URL behind `https://`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for text instead of a parsed name
 * @example
 * ```ts
 * import { toTarget } from 'kubepull/match';
 * import { parseImageName } from 'kubepull/reference';
 *
 * toTarget(parseImageName('localhost:5000/app'))?.port; // '5000'
 * ```
 * @see ParseSchemelessURL and SplitURL in kubernetes pkg/credentialprovider/keyring.go
 * @public
 */
export function toTarget(image: ImageName, options: MatchOptions = {}): ParsedTarget | undefined {
  checkMatchOptions(options);
  return readImage(image, options);
}

/** The same with options that are known to be right. */
export function readImage(image: ImageName, { dialect }: MatchOptions): ParsedTarget | undefined {
  const name = imageNameText(image);
  return readTarget(dialect === 'docker' && HUB.test(image.domain) ? `docker.io/${image.path}` : name);
}

/** Host with port and path, as kubelet reads them of keys and images alike. */
export function readTarget(text: string): ParsedTarget | undefined {
  const location = parseLocation(text);
  return location === undefined ? undefined : hostTarget(location);
}

function readKey(key: string, { dialect }: MatchOptions): Location | undefined {
  checkText(key);
  const rest = key.startsWith('http') ? key.replace(SCHEME, '') : key;
  if (dialect === 'docker') return dockerLocation(rest, rest.length < key.length);
  const location = dialect === 'documented' ? documentedLocation(rest) : parseLocation(rest);
  if (location === undefined) return undefined;
  if (location.path === '') return location;
  const path = /^\/v[12]\//.test(location.path) ? location.path.slice(3) : location.path;
  return { ...location, path: path === '/' ? '' : path };
}

/**
 * A key as the Images page reads it: a glob for the host, with `?`, classes and escapes, and a plain path. Go's URL parser
 * stays out of it, because it takes `?` for a query and refuses `[` and `\`.
 */
function documentedLocation(text: string): Location {
  const [host, path] = splitAt(text, text.indexOf('/'));
  return { host, path };
}

/**
 * The parts of such a key. Labels are split at dots as ever; the whole host is matched, so they are joined again. An IPv6
 * address in brackets would be a character class, so it is escaped; with a port, images have no brackets either.
 */
function documentedTarget(location: Location): ParsedTarget {
  const [name, port] = splitAt(location.host, location.host.search(/:\d*$/));
  const isAddress = name.startsWith('[') && name.endsWith(']') && isIpv6(name.slice(1, -1));
  const glob = !isAddress ? name : port === '' ? `\\${name}` : name.slice(1, -1);
  return makeTarget(location, glob, port.slice(1));
}

function hostTarget(location: Location): ParsedTarget {
  const [name, port] = splitHostPort(location.host);
  return makeTarget(location, name, port);
}

function makeTarget({ host, path }: Location, name: string, port: string): ParsedTarget {
  return { key: host + path, labels: name.split('.'), port, path, literal: !/[*?[\\]/.test(name) };
}

/**
 * A key as Docker and podman read it: a URL means its host, anything else a host with a path. The names of Docker Hub are
 * one, also with the `/v1/` that Docker writes behind them.
 *
 * @see ConvertToHostname in docker/cli cli/config/credentials/file_store.go, normalizeAuthFileKey in containers/image
 * pkg/docker/config/config.go
 */
function dockerLocation(text: string, isUrl: boolean): Location {
  const [host, path] = splitAt(text, text.indexOf('/'));
  const isHub = host === 'docker.io' || HUB.test(host);
  const isWhole = isUrl || (isHub && /^\/v[12]\/?$/.test(path));
  return { host: isHub ? 'docker.io' : host, path: isWhole ? '' : trimEnd(path, '/') };
}

/** The two parts of a URL that matching looks at, decoded. */
interface Location {
  /** Host with port. */
  readonly host: string;
  /** Empty, or from the first slash on. */
  readonly path: string;
  /** Whether all its characters stand for themselves, so that reading it again gives the same. */
  readonly isPlain?: boolean;
}

/** What nearly all keys and images are: labels, a port and a path without a character that a URL gives a meaning. */
const PLAIN = /^[\w.*-]*(?::\d*)?(?:\/[\w./-]*)?$/;
const BAD_ESCAPE = /%(?![0-9a-f]{2})/i;
const CONTROL = /[\u0000-\u001f\u007f]/;
const USER_INFO = /^(?:[\w\-.:~!$&'()*+,;=@]|%[0-9a-f]{2})*$/i;

/**
 * Reads what stands behind `https://` as Go's `url.Parse` does (Go 1.26). User info, query and fragment are checked and
 * forgotten. WHATWG's `URL` will not do: it drops default ports, folds case, resolves dots and refuses globs.
 *
 * @returns `undefined` where Go has an error
 */
export function parseLocation(text: string): Location | undefined {
  return PLAIN.test(text) ? plainLocation(text) : parseUrl(text);
}

function plainLocation(text: string): Location {
  const slash = text.indexOf('/');
  return slash < 0
    ? { host: text, path: '', isPlain: true }
    : { host: text.slice(0, slash), path: text.slice(slash), isPlain: true };
}

/** The reader for all texts. */
export function parseUrl(text: string): Location | undefined {
  const [url, fragment] = splitAt(text, text.indexOf('#'));
  const [beforeQuery] = splitAt(url, url.indexOf('?'));
  const [authority, path] = splitAt(beforeQuery, beforeQuery.indexOf('/'));
  const at = authority.lastIndexOf('@');
  const host = parseHost(authority.slice(at + 1));
  const isBad = CONTROL.test(url) || BAD_ESCAPE.test(fragment) || BAD_ESCAPE.test(path);
  if (host === undefined || isBad || !USER_INFO.test(authority.slice(0, at + 1))) return undefined;
  return { host, path: decodeEscapes(path) };
}

/** Text before and from a place on; all of it before when the place is -1. */
function splitAt(text: string, at: number): readonly [before: string, after: string] {
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)];
}

/** What Go takes in a host: some ASCII, whatever is beyond it, and escapes of bytes beyond it and of the percent sign. */
const HOST = /^(?:[\w\-.~!$&'()*+,;=:[\]<>"]|[^\u0000-\u007f]|%25|%[89a-f][0-9a-f])*$/i;
const PORT = /^(?::\d*)?$/;
const IPV4 = /(?<=:)(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const IPV6 = /^(?:[0-9a-f]{1,4}(?::(?!:|$)|(?=::|$)))*(?:::(?:[0-9a-f]{1,4}(?::(?!:|$)|$))*)?$/i;

/** The host and port of an authority, with escapes decoded; `undefined` where Go's `url.Parse` has an error. */
function parseHost(authority: string): string | undefined {
  const close = authority.lastIndexOf(']');
  const colon = authority.indexOf(':', authority.startsWith('[') ? close : 0);
  const port = colon < 0 ? '' : authority.slice(colon);
  if (!HOST.test(withPlainZone(authority, close)) || !PORT.test(port)) return undefined;
  const host = authority.slice(0, authority.length - port.length);
  const isGood = !host.includes('[') || (host.endsWith(']') && isAddress(host));
  return isGood ? decodeEscapes(authority) : undefined;
}

/**
 * The same with the zone of an IPv6 address as it is checked: there Go takes escapes of what may stand in a host as it is,
 * and of a space, but none of bytes beyond ASCII.
 */
function withPlainZone(authority: string, close: number): string {
  const zone = authority.startsWith('[') ? authority.slice(0, close).indexOf('%25') : -1;
  if (zone < 0) return authority;
  const plain = authority.slice(zone + 3, close).replace(/%([\da-f]{2})/gi, (_, hex: string) => {
    const code = Number.parseInt(hex, 16);
    // No hex digit, so that nothing joins with a percent sign in front of it.
    return code === 0x20 || code === 0x25 || (code < 0x80 && HOST.test(String.fromCharCode(code))) ? 'x' : '/';
  });
  return authority.slice(0, zone + 3) + plain + authority.slice(close);
}

/** Whether a host is an IPv6 address in brackets, with or without a zone behind an escaped percent sign. */
function isAddress(host: string): boolean {
  const [, address = '', zone] = /^\[([^%[]*)(?:%25([^[]*))?\]$/.exec(host) ?? [];
  return zone !== '' && isIpv6(address);
}

/** Whether text is an IPv6 address without zone, as Go's `netip.ParseAddr` reads it. */
function isIpv6(text: string): boolean {
  const address = text.replace(IPV4, '0:0');
  const count = address.split(':').filter((field) => field !== '').length;
  return IPV6.test(address) && (address.includes('::') ? count < 8 : count === 8);
}

/** Splits a host as Go's `net.SplitHostPort` does; a host that it cannot split is all host, without a port. */
function splitHostPort(host: string): readonly [name: string, port: string] {
  if (!host.includes(':')) return [host, ''];
  const [, address, name, port = ''] = /^(?:\[([^[\]]*)\]|([^:\]]*)):([^:\]]*)$/.exec(host) ?? [];
  return [address ?? name ?? host, port];
}

/**
 * Decodes well-formed `%XX`. In a run of escapes that is not UTF-8, each byte beyond ASCII becomes a lone surrogate, as
 * `decodeUtf8` has it.
 */
function decodeEscapes(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      return run.replace(/%(..)/g, (_, hex: string) => byteText(Number.parseInt(hex, 16)));
    }
  });
}

function byteText(byte: number): string {
  return String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte);
}
