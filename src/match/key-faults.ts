import { quote } from '../internal/index.js';
import { type KeyParts, splitKey } from './key-parts.js';
import { normalizeKey, parsePattern } from './parse.js';
import { findPlaceholder } from './placeholder.js';
import type { ParsedTarget } from './types.js';

/** The linter's codes for keys that serve nothing. */
export type KeyFaultCode =
  | 'KEY_PLACEHOLDER'
  | 'KEY_SCHEME_CASE'
  | 'KEY_SCHEME_UNKNOWN'
  | 'KEY_WITHOUT_HOST'
  | 'KEY_HAS_SPACE'
  | 'KEY_CUT_SHORT'
  | 'KEY_IPV6_NEEDS_BRACKETS'
  | 'KEY_IPV6_NEEDS_PORT'
  | 'KEY_GLOB_UNSUPPORTED'
  | 'KEY_GLOB_IN_PATH'
  | 'KEY_DROPPED'
  | 'KEY_DOCKER_HUB_PATH'
  | 'KEY_DOCKER_HUB_ALIAS'
  | 'KEY_API_PATH'
  | 'KEY_PATH_IMPOSSIBLE'
  | 'KEY_HOST_IMPOSSIBLE';

/** Why a key cannot serve the images that its author meant. */
export interface KeyFault {
  readonly code: KeyFaultCode;
  readonly message: string;
  /** The key without this fault; it may have another one. */
  readonly candidate: string | undefined;
}

export const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';

const HUB_ALIASES: readonly string[] = [
  'registry-1.docker.io',
  'registry.docker.io',
  'auth.docker.io',
  'hub.docker.com',
  'registry.hub.docker.com',
  'cloud.docker.com',
  'www.docker.com',
  'docker.com',
];

/** The beginning of a repository's path, cut at any character. */
const PATH_BEGINNING = /^(?:\/[a-z\d]+(?:(?:[._]|__|-+)[a-z\d]+)*)*(?:[._]|__|-+|\/)?$/;

/** The first fault that keeps a key from serving; `undefined` when there is none. */
export function findKeyFault(key: string): KeyFault | undefined {
  const parts = splitKey(key);
  const before = findTextFault(parts);
  if (before !== undefined) return before;
  const target = parsePattern(key);
  if (target === undefined || normalizeKey(key) === undefined) return findDropFault(parts);
  return findHubFault(target) ?? findPathFault(target) ?? findHostFault(target);
}

/** The nearest key without a fault, which may be the key itself; `undefined` when it is not clear. */
export function nearestKey(key: string): string | undefined {
  let cured: string | undefined = key;
  for (let step = 0; step < 6 && cured !== undefined; step += 1) {
    const fault: KeyFault | undefined = findKeyFault(cured);
    if (fault === undefined) return fit(cured);
    cured = fault.candidate;
  }
  return undefined;
}

/** The key itself when it is fit for a suggestion. */
export function faultlessKey(key: string): string | undefined {
  return findKeyFault(key) === undefined ? fit(key) : undefined;
}

/** The key without its user info. */
export function bareKey({ scheme, authority, path, tail }: KeyParts): string {
  return scheme + authority + path + tail;
}

/** A suggestion is plain text of some length, and never has user info. */
function fit(key: string): string | undefined {
  return /^[!-?A-~]{1,256}$/.test(key) ? key : undefined;
}

/** What can be seen in the text, whether or not it is a URL. */
function findTextFault(parts: KeyParts): KeyFault | undefined {
  const { scheme, authority, path, tail } = parts;
  const placeholder = findPlaceholder(authority + path + tail);
  if (placeholder !== undefined) return fault('KEY_PLACEHOLDER', `${quote(placeholder)} stands in the key`, undefined);
  if (scheme !== '' && scheme !== 'https://' && scheme !== 'http://') {
    const rest = authority + path + tail;
    return /^https?:/i.test(scheme)
      ? fault('KEY_SCHEME_CASE', 'the scheme is read in lower case only', scheme.toLowerCase() + rest)
      : fault('KEY_SCHEME_UNKNOWN', `the scheme ${quote(scheme)} is not known to kubelet`, rest);
  }
  if (authority === '') return fault('KEY_WITHOUT_HOST', 'there is no host in the key', undefined);
  if (/\s/.test(authority + path))
    return fault('KEY_HAS_SPACE', 'there is white space in the key', bareKey(parts).replaceAll(/\s+/g, ''));
  if (tail === '') return undefined;
  const isGlob = tail.startsWith('?') && !tail.includes('=');
  const message = `the key ends before its ${tail.charAt(0)}`;
  return fault('KEY_CUT_SHORT', message, isGlob ? authority + path + tail.replaceAll('?', '*') : authority + path);
}

/** What kubelet logs and forgets, because it is no URL. */
function findDropFault(parts: KeyParts): KeyFault {
  const { userInfo, authority, path } = parts;
  if (/^[\da-f]*:[\da-f]*:[\da-f:.]*$/i.test(authority)) {
    const candidate = `[${authority}]:443${path}`;
    return fault('KEY_IPV6_NEEDS_BRACKETS', 'the address has no brackets', candidate);
  }
  if (/[[\]{}\\^|]/.test(authority)) {
    const host = authority.replaceAll(/\{[^{}]*\}|\[[^[\]]*\]/g, '*').replaceAll(/\*+/g, '*');
    return fault('KEY_GLOB_UNSUPPORTED', 'only * may stand in the host', `${host.replaceAll('\\', '')}${path}`);
  }
  return fault('KEY_DROPPED', 'the key cannot be read as a URL', userInfo === undefined ? undefined : bareKey(parts));
}

function findHubFault({ labels, port, path }: ParsedTarget): KeyFault | undefined {
  const host = labels.join('.');
  const isVersion = /^\/v[12]$/.test(path);
  const onHub = path === '' || isVersion ? DOCKER_HUB_KEY : `docker.io${path}`;
  if (host === 'index.docker.io' && port === '' && path !== '') {
    return fault('KEY_DOCKER_HUB_PATH', 'the key is used only without a path', onHub);
  }
  if (HUB_ALIASES.includes(host.toLowerCase()) && (port === '' || port === '443')) {
    return fault('KEY_DOCKER_HUB_ALIAS', `images of Docker Hub are looked up as docker.io, not ${host}`, onHub);
  }
  return undefined;
}

function findPathFault(target: ParsedTarget): KeyFault | undefined {
  const { path } = target;
  const host = hostOf(target);
  if (/^\/v[12]$/.test(path)) return fault('KEY_API_PATH', `the path ${path} is a part of the name`, host);
  if (/[*[\]{}\\]/.test(path)) {
    const directory = path.slice(0, path.slice(0, path.search(/[*[\]{}\\]/)).lastIndexOf('/') + 1);
    return fault('KEY_GLOB_IN_PATH', 'the wildcard in the path stands for itself', keyOf(host, directory));
  }
  if (PATH_BEGINNING.test(path)) return undefined;
  const name = path
    .replace(/[:@].*$/s, '')
    .replaceAll(/\/{2,}/g, '/')
    .toLowerCase();
  return fault('KEY_PATH_IMPOSSIBLE', 'no repository begins with this path', keyOf(host, name));
}

function findHostFault(target: ParsedTarget): KeyFault | undefined {
  const { labels, port, path, key } = target;
  const host = labels.join('.');
  if (host.startsWith('[')) return fault('KEY_IPV6_NEEDS_PORT', 'the address has no port', `${host}:443${path}`);
  if (port !== '' && key.startsWith('[')) return undefined;
  const isOrganisation = labels.length === 1 && port === '' && /^[a-z\d_-]+$/.test(host) && host !== 'localhost';
  if (isOrganisation) {
    const candidate = path === '' ? undefined : `docker.io/${host}${path}`;
    return fault('KEY_HOST_IMPOSSIBLE', 'without dot and port the name is read as one of Docker Hub', candidate);
  }
  if (labels.includes('') || !/^[\w.*-]+$/.test(host)) {
    return fault('KEY_HOST_IMPOSSIBLE', 'no image can have this host', undefined);
  }
  return undefined;
}

/** Host and port as they stand in a key. */
export function hostOf({ key, path }: ParsedTarget): string {
  return key.slice(0, key.length - path.length);
}

function keyOf(host: string, path: string): string {
  return path === '/' ? host : host + path;
}

function fault(code: KeyFaultCode, message: string, candidate: string | undefined): KeyFault {
  return { code, message, candidate };
}
