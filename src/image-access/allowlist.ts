import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import * as kinds from './kinds.js';
import { InvalidConfigError } from '../errors/index.js';
import { hasOuterSpace, quote } from '../internal/index.js';
import type { ReleaseOptions } from '../kubernetes/index.js';
import { rulesOf } from '../kubernetes/inner.js';
import { bareName, comparedName, repositoryOf } from './access-name.js';

/**
 * A parsed entry of `preloadedImagesVerificationAllowlist`.
 *
 * @public
 */
export interface AllowlistPattern {
  /** The entry as written. */
  readonly pattern: string;
  /** `exact`: one name. `prefix`: everything that begins so, `text` ending with a slash. */
  readonly kind: 'exact' | 'prefix';
  /** What a name is compared with: the entry, of a `prefix` without its `*`. */
  readonly text: string;
}

/**
 * Parses the entries of kubelet's `preloadedImagesVerificationAllowlist`.
 *
 * An entry is a name without tag and digest, or a prefix that ends with `/*`. Since 1.36 a name is compared as pods write
 * it: `nginx` covers `nginx:1` and not `docker.io/library/nginx:1`, which is another entry. Up to 1.35 it has to be the full
 * name of a repository.
 *
 * @param patterns - the entries
 * @param options - whose rules count
 * @returns them parsed, in their order
 * @throws {@link InvalidConfigError} for the first entry that is refused, with kubelet's text: kubelet does not start
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a release that is not known
 * @example
 * ```ts
 * import { parseAllowlist } from 'kubepull/image-access';
 *
 * parseAllowlist(['nginx', 'registry.example.com/team/*']);
 * ```
 * @see ValidateAllowlistImagesPatterns in kubernetes pkg/kubelet/images/pullmanager/image_pull_policies.go, v1.36
 * @public
 */
export function parseAllowlist(patterns: Iterable<string>, options: ReleaseOptions = {}): readonly AllowlistPattern[] {
  check('Cannot read an allow list', { patterns }, { patterns: is.iterable });
  const { accessName } = rulesOf(options);
  return Array.from(patterns, (pattern) => parsePattern(pattern, accessName === 'bare' ? bareName : repositoryOf));
}

function parsePattern(pattern: string, nameOf: typeof bareName): AllowlistPattern {
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
  const name = nameOf(text);
  if (!name.ok) throw refuse(pattern, `failed to parse as an image name: ${name.error.upstream}`);
  if (name.value !== text)
    throw refuse(pattern, `neither tag nor digest is accepted in an image reference: ${pattern}`);
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
 * Compared is the image as the pod writes it, without tag and digest: nothing is filled in, neither `docker.io` nor
 * `library/`. Kubelet up to 1.35 compares the whole text, so that an exact entry covers only an image without tag.
 *
 * @param allowlist - what {@link parseAllowlist} gave
 * @param image - the pod's image string
 * @param options - whose rules count
 * @returns the first entry that matches, or `undefined`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a release that is not known
 * @example
 * ```ts
 * import { matchAllowlist, parseAllowlist } from 'kubepull/image-access';
 *
 * const allowlist = parseAllowlist(['docker.io/library/alpine']);
 * matchAllowlist(allowlist, 'docker.io/library/alpine:3.20')?.pattern; // 'docker.io/library/alpine'
 * matchAllowlist(allowlist, 'alpine:3.20'); // undefined: another name
 * ```
 * @see ImagePullPolicyEnforcer in kubernetes pkg/kubelet/images/pullmanager/image_pull_policies.go, v1.36
 * @public
 */
export function matchAllowlist(
  allowlist: readonly AllowlistPattern[],
  image: string,
  options: ReleaseOptions = {},
): AllowlistPattern | undefined {
  check('Cannot match an allow list', { allowlist, image }, { allowlist: kinds.allowlist, image: is.text });
  return findPattern(
    allowlist,
    comparedName(image, () => bareName(image), options),
  );
}

export function findPattern(allowlist: readonly AllowlistPattern[], compared: string): AllowlistPattern | undefined {
  return allowlist.find(({ kind, text }) => (kind === 'exact' ? compared === text : compared.startsWith(text)));
}
