/**
 * Image references: the grammar of distribution/reference, normalisation, default tag, and errors that say what is wrong.
 *
 * ```text
 * reference  = name [ ":" tag ] [ "@" digest ]
 * name       = [ domain "/" ] path
 * domain     = host [ ":" port ]
 * host       = label { "." label } | "[" { 0-9 a-f A-F ":" } "]"     an IPv6 address, not checked to be one
 * label      = letters and digits, with dashes between them
 * port       = digits, any number of them
 * path       = component { "/" component }                            at most 255 characters
 * component  = alnum { separator alnum }
 * alnum      = one or more of a-z 0-9
 * separator  = "." | "_" | "__" | "-" { "-" }
 * tag        = one of A-Z a-z 0-9 _, then up to 127 of these or "." or "-"
 * digest     = algorithm ":" hex                                       sha256, sha384 or sha512, of the full length
 * ```
 *
 * There is no scheme, user, query or fragment. `parseReference` adds what people leave out: a name whose first component
 * does not look like a host (no dot, no colon, no upper-case letter, not `localhost`) is one of `docker.io`, and a name
 * of one component is in `library/`. 64 hex digits alone are an image id and no name.
 *
 * Input of more than 4,096 characters is refused unread. Reading takes linear time.
 *
 * @packageDocumentation
 */
export { type AnyReference, type ImageName, type ImageReference } from './types.js';
export { parseReference, safeParseReference } from './parse.js';
export { parseAnyReference, parseCanonicalReference, parseRawName, parseRawReference } from './parse-other.js';
export { formatReference, type ReferenceText } from './format.js';
export { applyDefaultTag, parseImageName } from './image-name.js';
export {
  joinDigest,
  parseDockerReference,
  type ReferenceInput,
  trimReference,
  withDefaultTag,
  withDigest,
  withTag,
} from './derive.js';
export { type ArchSuffix, KNOWN_ARCHITECTURES, stripArchSuffix, withArchSuffix } from './arch-suffix.js';
export { compareReferences, sortReferences } from './sort.js';
