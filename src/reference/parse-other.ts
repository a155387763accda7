import { type Digest, isDigest } from '../digest/index.js';
import { type Flaw, flaw } from './flaw.js';
import { formatReference } from './format.js';
import { splitReference } from './grammar.js';
import { parseReference } from './parse.js';
import { readRaw, tooLong } from './read.js';
import { readOrThrow, refuse } from './refuse.js';
import type { AnyReference, ImageReference } from './types.js';

/**
 * Parses a reference as it stands, without `docker.io` and `library/`.
 *
 * A first component is a host even without a dot: `foo/bar` has the domain `foo`, and `foo` has none.
 *
 * @param input - the reference
 * @returns its parts; `domain` is empty when there is one component only, or when the first cannot be a host
 * @throws {@link InvalidReferenceError} when the grammar refuses it
 * @example
 * ```ts
 * import { parseRawReference } from 'kubepull/reference';
 *
 * parseRawReference('foo/bar').domain; // 'foo', where parseReference says 'docker.io'
 * ```
 * @see Parse in distribution/reference v0.6.0
 * @public
 */
export function parseRawReference(input: string): ImageReference {
  return readOrThrow(input, readRaw);
}

/**
 * Parses a bare name, without tag and digest and as it stands: the part of a reference that names the repository.
 *
 * @param input - the name, such as `quay.io/team/app`
 * @returns its parts; `tag` and `digest` are `undefined`
 * @throws {@link InvalidReferenceError} when it is no name, or has a tag or digest
 * @example
 * ```ts
 * import { parseRawName } from 'kubepull/reference';
 *
 * parseRawName('quay.io/team/app').path; // 'team/app'
 * ```
 * @see WithName in distribution/reference v0.6.0
 * @public
 */
export function parseRawName(input: string): ImageReference {
  return readOrThrow(input, readName);
}

function readName(input: string): ImageReference | Flaw {
  const parts = splitReference(input, input);
  if (typeof parts === 'number') return flaw('format', 'invalid reference format', parts);
  if (parts.name.length < input.length) return flaw('format', 'invalid reference format', parts.name.length);
  return parts.path.length > 255 ? tooLong(parts.name.length - parts.path.length + 255) : parts;
}

/**
 * Parses a reference that must already be in canonical form, such as one from another program.
 *
 * @param input - the reference
 * @returns its parts
 * @throws {@link InvalidReferenceError} with reason `not-canonical`, and the canonical text as `suggestion`, when
 * something is left out; else as {@link parseReference}
 * @example
 * ```ts
 * import { parseCanonicalReference } from 'kubepull/reference';
 *
 * parseCanonicalReference('docker.io/library/nginx:1'); // docker.io/nginx:1 would be refused
 * ```
 * @see ParseNamed in distribution/reference v0.6.0
 * @public
 */
export function parseCanonicalReference(input: string): ImageReference {
  const ref = parseReference(input);
  const canonical = formatReference(ref);
  if (canonical === input) return ref;
  throw refuse(input, flaw('not-canonical', 'repository name must be canonical'), canonical);
}

/**
 * Parses what a user may have copied from anywhere: an image id, a digest, or a reference.
 *
 * Kubelet never does this: in a pod, `sha256:…` is an image named `sha256` with a long tag, and a bare id is refused.
 *
 * @param input - 64 hex digits, a digest, or a reference
 * @returns which of them it is
 * @throws {@link InvalidReferenceError} when it is not one
 * @example
 * ```ts
 * import { parseAnyReference } from 'kubepull/reference';
 *
 * parseAnyReference('0'.repeat(64)).kind; // 'digest'
 * ```
 * @see ParseAnyReference in distribution/reference v0.6.0
 * @public
 */
export function parseAnyReference(input: string): AnyReference {
  const digest = bareDigest(input);
  return digest === undefined ? { kind: 'named', reference: parseReference(input) } : { kind: 'digest', digest };
}

/** The digest that an image id or a digest text stands for. */
export function bareDigest(input: string): Digest | undefined {
  if (/^[a-f\d]{64}$/.test(input)) return `sha256:${input}` as Digest;
  return isDigest(input) ? input : undefined;
}
