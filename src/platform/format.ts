import type { Platform } from '../oci/index.js';
import { checkPlatform, compareText } from './normalize.js';

const ESCAPES: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['%', '%25'],
  ['+', '%2B'],
  ['(', '%28'],
  [')', '%29'],
  ['/', '%2F'],
]);

/**
 * Writes a platform as one word, with everything that it says: what {@link parsePlatform} reads.
 *
 * Version and features stand in parentheses behind the operating system, features sorted. A platform without operating
 * system is `unknown`. A version or a feature that has other characters than letters, digits, `_`, `.` and `-` is written
 * as containerd writes it, and is not read back; nor is an architecture or a variant that is one dot or two.
 *
 * @param platform - any platform
 * @returns such as `linux/arm64/v8` or `windows(10.0.17763.1+win32k)/amd64`
 * @example
 * ```ts
 * import { formatPlatform } from 'kubepull/platform';
 *
 * formatPlatform({ os: 'linux', architecture: 'arm', variant: 'v7' }); // 'linux/arm/v7'
 * ```
 * @see FormatAll in github.com/containerd/platforms
 * @public
 */
export function formatPlatform(platform: Platform): string {
  checkPlatform('Cannot format platform', platform);
  if (platform.os === '') return 'unknown';
  const features = new Set((platform['os.features'] ?? []).filter((feature) => feature !== ''));
  const options = [platform['os.version'] ?? '', ...[...features].toSorted(compareText)].map(escapeOption).join('+');
  const os = options === '' ? platform.os : `${platform.os}(${options})`;
  return joinPath([os, platform.architecture, platform.variant ?? '']);
}

function escapeOption(text: string): string {
  return text.replaceAll(/[%+()/]/g, (character) => ESCAPES.get(character) ?? character);
}

/** Go's `path.Join`, which also resolves dots; they only come from images with nonsense for an architecture. */
function joinPath(parts: readonly string[]): string {
  const joined: string[] = [];
  for (const part of parts.join('/').split('/')) {
    if (part === '..' && joined.length > 0 && joined.at(-1) !== '..') joined.pop();
    else if (part !== '' && part !== '.') joined.push(part);
  }
  return joined.length === 0 ? '.' : joined.join('/');
}
