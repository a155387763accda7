import { trimEnd } from '../internal/index.js';
import { type ImageName } from '../reference/index.js';
import { imageNameText } from '../reference/inner.js';
import { isIpv6, type Location, parseLocation, splitAt, splitHostPort } from './location.js';
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
  const location = readKey(key, options);
  if (location === undefined) return undefined;
  if (options.dialect === 'documented') return documentedTarget(location);
  if (options.dialect === 'docker') return { ...makeTarget(location, ...splitHostPort(location.host)), literal: true };
  // kubelet stores the normal form as text and parses it again for every look-up: escapes are decoded twice.
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
  const { dialect } = options;
  const name = imageNameText(image);
  return readTarget(dialect === 'docker' && HUB.test(image.domain) ? `docker.io/${image.path}` : name);
}

/** Host with port and path, as kubelet reads them of keys and images alike. */
export function readTarget(text: string): ParsedTarget | undefined {
  const location = parseLocation(text);
  return location === undefined ? undefined : makeTarget(location, ...splitHostPort(location.host));
}

function readKey(key: string, { dialect }: MatchOptions): Location | undefined {
  checkText(key);
  const rest = key.replace(SCHEME, '');
  if (dialect === 'docker') return dockerLocation(rest, rest.length < key.length);
  const location = dialect === 'documented' ? documentedLocation(rest) : parseLocation(rest);
  if (location === undefined) return undefined;
  const path = /^\/v[12]\//.test(location.path) ? location.path.slice(3) : location.path;
  return { host: location.host, path: path === '/' ? '' : path };
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
