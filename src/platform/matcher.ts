import type { Platform } from '../oci/index.js';
import { compatiblePlatforms } from './compatible.js';
import { checkPlatform, normalizePlatform, type PlatformOptions } from './normalize.js';
import { runsWindowsVersion } from './windows.js';

/**
 * Says which platforms will do, and which of two is better.
 *
 * @public
 */
export interface PlatformMatcher {
  /** Whether an image for this platform can be taken. */
  matches(platform: Platform): boolean;
  /** Negative when the first is better, positive when the second is, 0 when neither is. */
  compare(a: Platform, b: Platform): number;
}

/**
 * Matches what a platform can run: the platform itself first, then lower variants, then the 32-bit architecture.
 *
 * `linux/arm64` also takes `linux/arm/v7`, `linux/amd64` also `linux/386`. An image that asks for features must ask for
 * no other than the wanted platform has; more of them are better. For Windows, `os.version` follows Microsoft's table of
 * which hosts run which containers, and the feature `win32k` is not asked for.
 *
 * @param platform - the platform that the image is for
 * @param options - what stands in for an empty operating system
 * @returns the matcher
 * @example
 * ```ts
 * import { createPlatformMatcher } from 'kubepull/platform';
 *
 * createPlatformMatcher({ os: 'linux', architecture: 'arm64' }).matches({ os: 'linux', architecture: 'arm', variant: 'v7' }); // true
 * ```
 * @see Only in github.com/containerd/platforms
 * @public
 */
export function createPlatformMatcher(platform: Platform, options: PlatformOptions = {}): PlatformMatcher {
  return orderedMatcher(compatiblePlatforms(normalizePlatform(platform, options)), options);
}

/**
 * Matches a platform itself, in any spelling, and nothing that it could run besides.
 *
 * @param platform - the platform that the image is for
 * @param options - what stands in for an empty operating system
 * @returns the matcher
 * @example
 * ```ts
 * import { createStrictPlatformMatcher } from 'kubepull/platform';
 *
 * createStrictPlatformMatcher({ os: 'linux', architecture: 'amd64' }).matches({ os: 'linux', architecture: '386' }); // false
 * ```
 * @see OnlyStrict in github.com/containerd/platforms
 * @public
 */
export function createStrictPlatformMatcher(platform: Platform, options: PlatformOptions = {}): PlatformMatcher {
  return orderedMatcher([normalizePlatform(platform, options)], options);
}

function orderedMatcher(wanted: readonly Platform[], options: PlatformOptions): PlatformMatcher {
  const rankOf = (platform: Platform): number => {
    checkPlatform('Cannot match a platform', platform);
    const candidate = normalizePlatform(withoutWin32k(platform, wanted), options);
    const rank = wanted.findIndex((one) => isSame(one, candidate));
    return rank < 0 ? wanted.length : rank;
  };
  const matches = (platform: Platform): boolean => rankOf(platform) < wanted.length;
  return {
    matches,
    compare: (a, b) => {
      const difference = rankOf(a) - rankOf(b);
      if (difference !== 0) return difference;
      if (matches(a)) return countFeatures(b) - countFeatures(a);
      // Of two that ask for features which are not there, the one that would do without them is nearer.
      return rankOf({ ...a, 'os.features': [] }) - rankOf({ ...b, 'os.features': [] });
    },
  };
}

function isSame(wanted: Platform, candidate: Platform): boolean {
  return (
    wanted.os === candidate.os &&
    wanted.architecture === candidate.architecture &&
    (wanted.variant ?? '') === (candidate.variant ?? '') &&
    (wanted.os !== 'windows' || runsWindowsVersion(wanted['os.version'] ?? '', candidate['os.version'] ?? '')) &&
    (candidate['os.features'] ?? []).every((feature) => wanted['os.features']?.includes(feature))
  );
}

function countFeatures(platform: Platform): number {
  return platform['os.features']?.length ?? 0;
}

/** Every Windows host has `win32k`, and the images of some ask for it; it never counted. */
function withoutWin32k(platform: Platform, wanted: readonly Platform[]): Platform {
  const features = platform['os.features'] ?? [];
  const at = wanted[0]?.os === 'windows' ? features.indexOf('win32k') : -1;
  return at < 0 ? platform : { ...platform, 'os.features': features.toSpliced(at, 1) };
}
