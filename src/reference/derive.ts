import { checkFast } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { type Digest, isDigest } from '../digest/index.js';
import { ImageError } from '../errors/index.js';
import { flaw } from './flaw.js';
import { formatReference } from './format.js';
import { isDigestText, isTag } from './grammar.js';
import { parseReference } from './parse.js';
import { digestFlaw } from './read.js';
import { refuse } from './refuse.js';
import type { ImageReference } from './types.js';

/**
 * A reference, or a text to parse as one.
 *
 * @public
 */
export type ReferenceInput = ImageReference | string;

export function toReference(ref: ReferenceInput): ImageReference {
  if (typeof ref === 'string') return parseReference(ref);
  // Only a caller without types can pass anything else; it would become the name undefined/undefined.
  checkFast('Cannot derive a reference', 'ref', ref, is.reference);
  return ref;
}

function noText(what: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot derive a reference: the ${what} must be text`);
}

/** A reference with some parts replaced; its text follows. */
export function rebuild(ref: ImageReference, change: Partial<ImageReference>): ImageReference {
  const changed = { ...ref, ...change };
  const name = formatReference({ ...changed, tag: undefined, digest: undefined });
  return { ...changed, name, input: formatReference(changed) };
}

/**
 * Gives a reference another tag; a digest stays.
 *
 * @param ref - the reference, or a text to parse as one
 * @param tag - 1 to 128 letters, digits, `_`, `.` and `-`, the first neither `.` nor `-`
 * @returns a new reference
 * @throws {@link InvalidReferenceError} with reason `tag`, or as `parseReference`
 * @example
 * ```ts
 * import { formatReference, withTag } from 'kubepull/reference';
 *
 * formatReference(withTag('nginx:1.27', '1.28')); // 'docker.io/library/nginx:1.28'
 * ```
 * @see WithTag in distribution/reference v0.6.0
 * @public
 */
export function withTag(ref: ReferenceInput, tag: string): ImageReference {
  const base = toReference(ref);
  if (typeof tag !== 'string') throw noText('tag');
  if (!isTag(tag)) throw refuse(tag, flaw('tag', 'invalid tag format'), suggestTag(tag), 'tag');
  return rebuild(base, { tag });
}

/** What a branch name such as `feature/login` becomes as a tag. */
function suggestTag(tag: string): string | undefined {
  const cured = tag
    .slice(0, 4096)
    .replace(/[^\w.-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 128);
  return isTag(cured) ? cured : undefined;
}

/**
 * Gives a reference another digest; a tag stays.
 *
 * The digest is checked wholly, so that it is safe in a path or a URL. Go checks its grammar only; see
 * {@link joinDigest}.
 *
 * @param ref - the reference, or a text to parse as one
 * @param digest - sha256, sha384 or sha512, in lower-case hex of the full length
 * @returns a new reference
 * @throws {@link InvalidReferenceError} with reason `digest-format`, `digest-length` or `digest-algorithm`, or as
 * `parseReference`
 * @example
 * ```ts
 * import { withDigest } from 'kubepull/reference';
 *
 * withDigest('nginx:1.27', `sha256:${'0'.repeat(64)}`).tag; // '1.27'
 * ```
 * @see WithDigest in distribution/reference v0.6.0, Validate in opencontainers/go-digest v1.0.0
 * @public
 */
export function withDigest(ref: ReferenceInput, digest: string): ImageReference {
  const base = toReference(ref);
  checkDigestText(digest);
  const bad = digestFlaw(digest, 0);
  if (bad !== undefined) throw refuse(digest, bad, suggestDigest(digest), 'digest');
  return rebuild(base, { digest: digest as Digest });
}

/**
 * Writes a reference with another digest, which is checked as loosely as Go's `WithDigest` does it: the algorithm may be
 * unknown and the length wrong, and the text may then not parse. Prefer {@link withDigest}.
 *
 * @param ref - the reference, or a text to parse as one
 * @param digest - anything that the grammar of references takes for a digest
 * @returns the canonical text
 * @throws {@link InvalidReferenceError} with reason `digest-format`, or as `parseReference`
 * @example
 * ```ts
 * import { joinDigest } from 'kubepull/reference';
 *
 * joinDigest('nginx', `md5:${'0'.repeat(32)}`); // 'docker.io/library/nginx@md5:0000…'
 * ```
 * @see WithDigest in distribution/reference v0.6.0
 * @public
 */
export function joinDigest(ref: ReferenceInput, digest: string): string {
  const base = toReference(ref);
  checkDigestText(digest);
  return `${formatReference({ ...base, digest: undefined })}@${digest}`;
}

function checkDigestText(digest: string): void {
  if (typeof digest !== 'string') throw noText('digest');
  if (isDigestText(digest)) return;
  throw refuse(digest, flaw('digest-format', 'invalid digest format'), suggestDigest(digest), 'digest');
}

function suggestDigest(digest: string): string | undefined {
  const cured = digest.slice(0, 4096).trim().toLowerCase();
  return isDigest(cured) ? cured : undefined;
}

/**
 * Takes tag and digest away: what is left names the repository.
 *
 * @param ref - the reference, or a text to parse as one
 * @returns a new reference
 * @throws {@link InvalidReferenceError} as `parseReference`, for a text
 * @example
 * ```ts
 * import { trimReference } from 'kubepull/reference';
 *
 * trimReference('nginx:1.27').input; // 'docker.io/library/nginx'
 * ```
 * @see TrimNamed in distribution/reference v0.6.0
 * @public
 */
export function trimReference(ref: ReferenceInput): ImageReference {
  return rebuild(toReference(ref), { tag: undefined, digest: undefined });
}

/**
 * Adds the tag `latest` when there is neither tag nor digest.
 *
 * @param ref - the reference, or a text to parse as one
 * @returns the reference itself when nothing is to be added, else a new one
 * @throws {@link InvalidReferenceError} as `parseReference`, for a text
 * @example
 * ```ts
 * import { withDefaultTag } from 'kubepull/reference';
 *
 * withDefaultTag('nginx').tag; // 'latest'
 * ```
 * @see TagNameOnly in distribution/reference v0.6.0
 * @public
 */
export function withDefaultTag(ref: ReferenceInput): ImageReference {
  const base = toReference(ref);
  return base.tag === undefined && base.digest === undefined ? rebuild(base, { tag: 'latest' }) : base;
}

/**
 * Parses a reference as containerd's tools and Docker's daemon do: with the default tag, and with the digest alone where
 * there is a tag too, because the digest decides.
 *
 * @param input - the reference
 * @returns a reference with a tag or a digest, never both
 * @throws {@link InvalidReferenceError} as `parseReference`
 * @example
 * ```ts
 * import { parseDockerReference } from 'kubepull/reference';
 *
 * parseDockerReference('nginx').tag; // 'latest'
 * ```
 * @see ParseDockerRef in distribution/reference v0.6.0
 * @public
 */
export function parseDockerReference(input: string): ImageReference {
  const ref = parseReference(input);
  return ref.digest !== undefined && ref.tag !== undefined ? rebuild(ref, { tag: undefined }) : withDefaultTag(ref);
}
