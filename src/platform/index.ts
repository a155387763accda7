/**
 * Platforms of images: parsing, normal form, and the choice from an image index as containerd makes it.
 *
 * @packageDocumentation
 */
export { normalizePlatform, type PlatformOptions } from './normalize.js';
export { parsePlatform } from './parse.js';
export { formatPlatform } from './format.js';
export { createPlatformMatcher, createStrictPlatformMatcher, type PlatformMatcher } from './matcher.js';
export { rankManifests, selectManifest } from './select.js';
