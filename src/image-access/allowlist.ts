import { check, is } from '../errors/inner.js';
import * as kinds from './kinds.js';
import { InvalidConfigError } from '../errors/index.js';
import { hasOuterSpace, quote } from '../internal/index.js';
import { safeParseReference } from '../reference/index.js';

/**
 * A parsed entry of `preloadedImagesVerificationAllowlist`.
 *
 * @public
 */
export interface AllowlistPattern {
  /** The entry as written. */
  readonly pattern: string;
  /** `exact`: one repository, by its full name. `prefix`: everything below, `text` ending with a slash. */
  readonly kind: 'exact' | 'prefix';
  readonly text: string;
}

/**
 * Which kubelet compares: up to 1.35 the pod's raw image string, from 1.36 on the full repository name.
 *
 * @public
 */
export type AllowlistRelease = '1.35' | '1.36';

/**
 * Parses the entries of kubelet's `preloadedImagesVerificationAllowlist`.
 *
 * An entry is a full repository name (`docker.io/library/alpine`, not `alpine`), or a prefix that ends with `/*`.
 *
 * @param patterns - the entries
 * @returns them parsed, in their order
 * @throws {@link InvalidConfigError} for the first entry that is refused, with kubelet's text: kubelet does not start
 * @example
 * ```ts
 * import { parseAllowlist } from 'kubepull/image-access';
 *
 * parseAllowlist(['docker.io/library/alpine', 'registry.example.com/team/*']);
 * ```
 * @see NewImagePullPolicyEnforcer in kubernetes pkg/kubelet/images/pullmanager/image_pull_policies.go, v1.35
 * @public
 */
export function parseAllowlist(patterns: Iterable<string>): readonly AllowlistPattern[] {
  check('Cannot read an allow list', { patterns }, { patterns: is.iterable });
  return Array.from(patterns, parsePattern);
}

function parsePattern(pattern: string): AllowlistPattern {
  check('Cannot read an allow list', { pattern }, { pattern: is.text });
  if (hasOuterSpace(pattern)) throw refuse(pattern, `leading/trailing spaces are not allowed: ${pattern}`);
  const isPrefix = pattern.endsWith('/*');
  const text = isPrefix ? pattern.slice(0, -1) : pattern;
  if (text === '') throw refuse(pattern, `the supplied pattern is too short: ${pattern}`);
  if (text.includes('*')) {
    throw refuse(pattern, `not a valid wildcard pattern, only patterns ending with '/*' are allowed: ${pattern}`);
  }
  if (isPrefix) {
    if (text === '/') throw refuse(pattern, 'at least registry hostname is required');
    return { pattern, kind: 'prefix', text };
  }
  const parsed = safeParseReference(text);
  if (!parsed.ok) throw refuse(pattern, `failed to parse as an image name: ${parsed.error.upstream}`);
  if (parsed.value.name !== text) {
    throw refuse(pattern, `neither tag nor digest is accepted in an image reference: ${pattern}`);
  }
  return { pattern, kind: 'exact', text };
}

function refuse(pattern: string, upstream: string): InvalidConfigError {
  const reason = upstream.split(': ', 1)[0] ?? '';
  return new InvalidConfigError(`Cannot read allow-list pattern ${quote(pattern)}: ${reason}`, {
    upstream,
    offset: undefined,
  });
}

/**
 * Finds the entry of an allow list that an image falls under.
 *
 * @param allowlist - what {@link parseAllowlist} gave
 * @param image - the pod's image string
 * @param release - `1.35` for what kubelet 1.33 to 1.35 do: the raw string is compared, so an exact entry matches only an
 * image written in full without tag. `1.36`, the default, compares the repository's full name
 * @returns the first entry that matches, or `undefined`
 * @example
 * ```ts
 * import { matchAllowlist, parseAllowlist } from 'kubepull/image-access';
 *
 * const allowlist = parseAllowlist(['docker.io/library/alpine']);
 * matchAllowlist(allowlist, 'alpine:3.20')?.pattern; // 'docker.io/library/alpine'
 * matchAllowlist(allowlist, 'alpine:3.20', '1.35'); // undefined
 * ```
 * @see ImagePullPolicyEnforcer in kubernetes pkg/kubelet/images/pullmanager/image_pull_policies.go, v1.35
 * @public
 */
export function matchAllowlist(
  allowlist: readonly AllowlistPattern[],
  image: string,
  release: AllowlistRelease = '1.36',
): AllowlistPattern | undefined {
  const given = { allowlist: kinds.allowlist, image: is.text, release: kinds.release };
  check('Cannot match an allow list', { allowlist, image, release }, given);
  const compared = release === '1.35' ? image : repositoryOf(image);
  if (compared === undefined) return undefined;
  return allowlist.find(({ kind, text }) => (kind === 'exact' ? compared === text : compared.startsWith(text)));
}

/** The full repository name, `undefined` for an image that cannot be parsed: no entry covers it. */
export function repositoryOf(image: string): string | undefined {
  const parsed = safeParseReference(image);
  return parsed.ok ? parsed.value.name : undefined;
}
