import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { quote } from '../internal/index.js';
import { normalizeMediaType } from './media-types.js';
import { refuse } from './place.js';

/**
 * The places that name the media type of one document.
 *
 * @public
 */
export interface MediaTypeClaims {
  /** The document's own `mediaType`. */
  readonly body?: string | undefined;
  /** The `Content-Type` of the response; its parameters do not count. */
  readonly contentType?: string | undefined;
  /** The `mediaType` of the descriptor by which the document was found. */
  readonly descriptor?: string | undefined;
}

const CLAIMS = [
  ['body', 'its mediaType'],
  ['contentType', 'the Content-Type'],
  ['descriptor', 'its descriptor'],
] as const;

/**
 * Checks that all who name the media type of a document agree, so that nobody can take it for something else.
 *
 * @param claims - the claims there are
 * @returns the media type, in lower case without parameters, or `undefined` when none is named
 * @throws {@link ImageError} `ERR_REGISTRY_DOCUMENT` when two disagree, saying who
 * @example
 * ```ts
 * import { checkMediaTypes, MEDIA_TYPES } from 'kubepull/oci';
 *
 * checkMediaTypes({ contentType: `${MEDIA_TYPES.ociIndex}; charset=utf-8`, body: MEDIA_TYPES.ociIndex });
 * ```
 * @see https://github.com/advisories/GHSA-mc8v-mgrf-8f4m
 * @public
 */
export function checkMediaTypes(claims: MediaTypeClaims): string | undefined {
  const claim = is.optional(is.text);
  check<MediaTypeClaims>('Cannot compare media types', claims, { body: claim, contentType: claim, descriptor: claim });
  let agreed: { readonly who: string; readonly type: string } | undefined;
  for (const [key, who] of CLAIMS) {
    const given = claims[key];
    if (given === undefined) continue;
    const type = normalizeMediaType(given);
    if (agreed !== undefined && agreed.type !== type) {
      const reason = `is ${quote(agreed.type)} by ${agreed.who}, but ${quote(type)} by ${who}`;
      throw refuse({ document: 'manifest', path: '' }, reason);
    }
    agreed ??= { who, type };
  }
  return agreed?.type;
}
