/**
 * Credential keys against images: Go's `filepath.Match` by host label, ports, path prefixes, and the key's normal form.
 *
 * @packageDocumentation
 */
export {
  type MatchDialect,
  type MatchOptions,
  type MatchResult,
  type MatchRule,
  type Mismatch,
  type ParsedTarget,
} from './types.js';
export { matchGlob, type GlobResult } from './glob.js';
export { normalizeKey, parsePattern, toTarget } from './parse.js';
export { matchImage, matchImages, type MatchImagesResult, matchTarget } from './match.js';
