import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { ImageError } from '../errors/index.js';
import type { Platform } from '../oci/index.js';

/**
 * What fills the gaps of a platform that is not fully given.
 *
 * @public
 */
export interface PlatformOptions {
  /**
   * The machine that images are for: its operating system stands in for an empty one, its architecture for one that a
   * specifier leaves out.
   *
   * @defaultValue `linux/amd64`; the machine that the code runs on is never looked at
   */
  readonly host?: Pick<Platform, 'os' | 'architecture' | 'variant'> | undefined;
}

/** Architecture and variant, which are normalised together; an empty variant stands for none. */
export interface Cpu {
  readonly architecture: string;
  readonly variant: string;
}

/**
 * Brings a platform into the spelling of Go and the OCI spec, so that equal platforms are written alike.
 *
 * `x86_64` becomes `amd64`, `aarch64` `arm64`, `macos` `darwin`, `armhf` `arm/v7`; a variant that says nothing beyond the
 * architecture's default (`amd64/v1`, `arm64/v8`) goes, a missing one of `arm` becomes `v7`. Features are sorted, each
 * once. Unknown names stay, in lower case. Doing it twice changes nothing.
 *
 * @param platform - as found in an index or a config
 * @param options - what stands in for an empty operating system
 * @returns a new platform in normal form
 * @throws {@link ImageError} `ERR_PLATFORM_INVALID` for what is no platform
 * @example
 * ```ts
 * import { normalizePlatform } from 'kubepull/platform';
 *
 * normalizePlatform({ os: 'Linux', architecture: 'aarch64', variant: 'v8' }); // { os: 'linux', architecture: 'arm64' }
 * ```
 * @see Normalize in github.com/containerd/platforms
 * @public
 */
export function normalizePlatform(platform: Platform, options: PlatformOptions = {}): Platform {
  checkPlatform('Cannot normalize platform', platform);
  checkPlatformOptions(options);
  const features = platform['os.features'] ?? [];
  return makePlatform({
    os: normalizeOs(platform.os, options),
    ...normalizeCpu(platform.architecture, platform.variant ?? ''),
    version: platform['os.version'] ?? '',
    features: [...new Set(features)].toSorted(compareText),
  });
}

/** Only a caller without types can pass the text of a platform, or leave a field out. */
export function checkPlatform(action: string, platform: Partial<Platform> | null | undefined): void {
  if (typeof platform?.os !== 'string' || typeof platform.architecture !== 'string') {
    const reason = 'it must be an object with os and architecture, as parsePlatform returns';
    throw new ImageError('ERR_PLATFORM_INVALID', `${action}: ${reason}`);
  }
  check(action, { platform }, { platform: is.platform });
}

export function checkPlatformOptions(options: PlatformOptions): void {
  const host = is.shape({ os: is.text, architecture: is.text, variant: is.optional(is.text) });
  check('Cannot complete platform', options, { host: is.optional(host) });
}

/** A platform without the fields that say nothing. */
export function makePlatform(
  parts: Cpu & { readonly os: string; readonly version: string; readonly features: readonly string[] },
): Platform {
  return {
    os: parts.os,
    architecture: parts.architecture,
    ...(parts.variant === '' ? {} : { variant: parts.variant }),
    ...(parts.version === '' ? {} : { 'os.version': parts.version }),
    ...(parts.features.length === 0 ? {} : { 'os.features': parts.features }),
  };
}

export function normalizeOs(os: string, { host }: PlatformOptions): string {
  const lower = os.toLowerCase();
  return lower === '' ? (host?.os ?? 'linux') : lower === 'macos' ? 'darwin' : lower;
}

export function normalizeCpu(architecture: string, variant: string): Cpu {
  const lower = variant.toLowerCase();
  switch (architecture.toLowerCase()) {
    case 'i386':
      return { architecture: '386', variant: '' };
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return { architecture: 'amd64', variant: lower === 'v1' ? '' : lower };
    case 'aarch64':
    case 'arm64':
      return { architecture: 'arm64', variant: normalizeArm64(lower) };
    case 'armhf':
      return { architecture: 'arm', variant: 'v7' };
    case 'armel':
      return { architecture: 'arm', variant: 'v6' };
    case 'arm':
      return { architecture: 'arm', variant: normalizeArm(lower) };
    default:
      return { architecture: architecture.toLowerCase(), variant: lower };
  }
}

function normalizeArm64(variant: string): string {
  if (['8', 'v8', 'v8.0'].includes(variant)) return '';
  return ['9', '9.0', 'v9.0'].includes(variant) ? 'v9' : variant;
}

function normalizeArm(variant: string): string {
  if (variant === '') return 'v7';
  return ['5', '6', '7', '8'].includes(variant) ? `v${variant}` : variant;
}

/** Order by code unit: never by locale, which differs between machines. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
