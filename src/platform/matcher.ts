import type { Platform } from '../oci/index.js';
import { checkPlatform, normalizePlatform, type PlatformOptions, normalizeCpu } from './normalize.js';

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

/** An armv9 core runs armv8 code of the minor version five further on, of which there are nine. */
const ARM64_V9_OFFSET = 5;
const ARM64_MAX_MINOR: ReadonlyMap<number, number> = /* @__PURE__ */ new Map([
  [8, 9],
  [9, 7],
]);
/** No architecture counts that far; a larger number in a variant is taken for a name, so that the list stays short. */
const MAX_VARIANT = 999;

/**
 * The platforms whose images a platform runs, best first, itself included: lower variants of its own architecture, then
 * the 32-bit one.
 *
 * @param platform - in normal form
 */
function compatiblePlatforms(platform: Platform): readonly Platform[] {
  const variant = platform.variant ?? '';
  switch (platform.architecture) {
    case 'amd64':
      return [...variants(platform, [variant, ...below(variant, 1)]), withCpu(platform, '386', '')];
    case 'arm':
      return variants(platform, [variant, ...below(variant, 5)]);
    case 'arm64':
      return arm64Platforms(platform, arm64Variants(variant));
    default:
      return [platform];
  }
}

function variants(platform: Platform, list: readonly string[]): readonly Platform[] {
  return list.map((variant) => withCpu(platform, platform.architecture, variant));
}

function withCpu(platform: Platform, architecture: string, variant: string): Platform {
  return { ...platform, architecture, variant: normalizeCpu(architecture, variant).variant };
}

/** The variants with lower numbers, down to a least one. */
function below(variant: string, least: number): readonly string[] {
  const number = variantNumber(variant);
  const names: string[] = [];
  for (let lower = number - 1; lower >= least; lower -= 1) names.push(`v${lower}`);
  return names;
}

/** The number of a variant such as `v7`, as Go's `strconv.Atoi` reads it behind the `v`; 0 for a name. */
function variantNumber(variant: string): number {
  const digits = /^v?([+-]?\d+)$/.exec(variant)?.[1];
  const number = digits === undefined ? 0 : Number(digits);
  return number > MAX_VARIANT ? 0 : number;
}

function arm64Variants(variant: string): readonly string[] {
  const [, major, minor = '0'] = /^v([89])(?:\.(\d))?$/.exec(variant === '' ? 'v8' : variant) ?? [];
  if (major === undefined || Number(minor) > (ARM64_MAX_MINOR.get(Number(major)) ?? 0)) return [];
  if (major === '8') return minorsDown('v8', Number(minor));
  return [...minorsDown('v9', Number(minor)), ...minorsDown('v8', Math.min(Number(minor) + ARM64_V9_OFFSET, 9))];
}

function minorsDown(major: string, from: number): readonly string[] {
  const names: string[] = [];
  for (let minor = from; minor > 0; minor -= 1) names.push(`${major}.${minor}`);
  return [...names, major];
}

/**
 * All of armv8 and armv9 also run the 32-bit code of armv8 and below. A variant that is unknown runs nothing, not even
 * images for itself: so does containerd.
 */
function arm64Platforms(platform: Platform, names: readonly string[]): readonly Platform[] {
  if (names.length === 0) return [];
  return [...variants(platform, names), ...compatiblePlatforms(withCpu(platform, 'arm', 'v8'))];
}

interface WindowsVersion {
  readonly release: string;
  readonly build: number;
}

/** The long-term servicing releases from which on containers of an older build run: Windows Server 2022 and 2025. */
const STABLE_BUILDS = [20_348, 26_100] as const;

/**
 * Whether a Windows host runs containers of a Windows version. Hosts before Server 2022 run their own build only; later
 * ones everything from the previous long-term release on. A version that is missing, or a host's that is malformed, is
 * no obstacle.
 */
function runsWindowsVersion(host: string, container: string): boolean {
  const hostVersion = parseVersion(host);
  if (hostVersion === undefined || container === '') return true;
  const { release, build } = parseVersion(container) ?? { release: '0.0', build: 0 };
  if (release !== hostVersion.release) return false;
  if (hostVersion.build < STABLE_BUILDS[0]) return build === hostVersion.build;
  const oldest = STABLE_BUILDS.findLast((stable) => stable < hostVersion.build) ?? STABLE_BUILDS[0];
  return oldest <= build && build <= hostVersion.build;
}

/** Major, minor and build of `10.0.17763.1`; `undefined` when they are not numbers in range, or are all zero. */
function parseVersion(text: string): WindowsVersion | undefined {
  const [, major, minor, build] = /^(\d+)\.(\d+)\.(\d+)(?:\.|$)/.exec(text) ?? [];
  const [first, second, third] = [Number(major), Number(minor), Number(build)];
  if (build === undefined || first > 255 || second > 255 || third > 65_535) return undefined;
  return first + second + third === 0 ? undefined : { release: `${first}.${second}`, build: third };
}
