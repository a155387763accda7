import type { Platform } from '../oci/index.js';
import { normalizeCpu } from './normalize.js';

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
export function compatiblePlatforms(platform: Platform): readonly Platform[] {
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
