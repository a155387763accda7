import type { CacheKeyType } from './response.js';
import type { ServiceAccountIdentity } from './service-account.js';
import type { TokenAttributes } from './types.js';

/** The order in which a look-up tries the kinds. */
export const CACHE_KEY_TYPES: readonly CacheKeyType[] = ['Image', 'Registry', 'Global'];

/**
 * The key of an answer: what it is good for, and for whom. Parts carry their length, so that no two lists of parts give
 * one key. A key may hold a token; it never leaves the cache.
 *
 * @see generateCacheKey in kubernetes pkg/credentialprovider/plugin/plugin.go
 */
export function cacheKey(type: CacheKeyType, image: string, account: readonly string[]): string {
  const base = { Image: image, Registry: image.split('/', 1)[0] ?? '', Global: '<global>' }[type];
  return joinParts([base, ...account]);
}

/** The parts that tell one service account from another; none at all without. */
export function accountParts(
  account: ServiceAccountIdentity | undefined,
  cacheType: TokenAttributes['cacheType'] | undefined,
): readonly string[] {
  if (account === undefined) return [];
  const { namespace, name, uid, annotations, token } = account;
  const pairs = Object.entries(annotations).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const tokenParts = cacheType === 'Token' ? ['token', token.reveal()] : [];
  return [namespace, name, uid, String(pairs.length), ...pairs.flat(), ...tokenParts];
}

/** The key under which equal questions are asked once: the image, and with a token also that and the annotations. */
export function flightKey(image: string, account: ServiceAccountIdentity | undefined): string {
  return joinParts([image, ...accountParts(account, 'Token')]);
}

function joinParts(parts: readonly string[]): string {
  return parts.map((part) => `${part.length}:${part}`).join('');
}
