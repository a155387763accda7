import { InvalidReferenceError, type Result } from '../errors/index.js';
import { readNormalized } from './read.js';
import { readOrThrow, tryRead } from './refuse.js';
import type { ImageReference } from './types.js';

/**
 * Parses an image reference as kubelet and Docker do: what is left out is filled in with `docker.io` and `library/`.
 *
 * No tag is added; see {@link applyDefaultTag} and {@link withDefaultTag}. A tag in front of a digest is kept. Input of
 * more than 4,096 characters is refused before it is looked at, with reason `too-long`; this limit is ours, Go has none.
 *
 * @param input - the reference as written, such as `nginx:1.27`
 * @returns the parts of its normal form
 * @throws {@link InvalidReferenceError} with reason, position, Go's text and, for the usual slips, a suggestion
 * @example
 * ```ts
 * import { parseReference } from 'kubepull/reference';
 *
 * const { domain, path, tag } = parseReference('nginx:1.27');
 * // 'docker.io', 'library/nginx', '1.27'
 * ```
 * @see ParseNormalizedNamed in distribution/reference v0.6.0
 * @public
 */
export function parseReference(input: string): ImageReference {
  return readOrThrow(input, readNormalized);
}

/**
 * Parses an image reference without throwing: {@link parseReference} with the error as a value.
 *
 * @param input - the reference as written
 * @returns the reference, or the error that `parseReference` would throw
 * @example
 * ```ts
 * import { safeParseReference } from 'kubepull/reference';
 *
 * const checked = safeParseReference('https://Registry.example.com/App');
 * if (!checked.ok) console.error(checked.error.reason, checked.error.suggestion);
 * // format Registry.example.com/app
 * ```
 * @see ParseNormalizedNamed in distribution/reference v0.6.0
 * @public
 */
export function safeParseReference(input: string): Result<ImageReference, InvalidReferenceError> {
  const result = tryRead(input, readNormalized);
  return result instanceof InvalidReferenceError ? { ok: false, error: result } : { ok: true, value: result };
}
