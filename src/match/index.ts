/**
 * Credential keys against images: Go's `filepath.Match` by host label, ports, path prefixes, and the key's normal form.
 *
 * @packageDocumentation
 */
export { type MatchDialect, type MatchOptions, type Mismatch } from './types.js';
