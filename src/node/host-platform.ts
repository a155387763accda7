import { arch, platform } from 'node:process';
import type { Platform } from '../oci/index.js';

const ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ['x64', 'amd64'],
  ['ia32', '386'],
  ['mipsel', 'mipsle'],
  ['ppc64', 'ppc64le'],
]);

/**
 * The platform of images that this machine runs, in OCI's words.
 *
 * On macOS it is `linux`: containers run in a Linux virtual machine there, and no image is for `darwin`.
 *
 * @returns such as `{ os: 'linux', architecture: 'amd64' }`
 * @example
 * ```ts
 * import { readHostPlatform } from 'kubepull/node';
 *
 * readHostPlatform().os; // 'linux'
 * ```
 * @public
 */
export function readHostPlatform(): Platform {
  const os = platform === 'win32' ? 'windows' : platform === 'darwin' ? 'linux' : platform;
  return { os, architecture: ARCHITECTURES.get(arch) ?? arch };
}
