import type { Digest } from '../digest/index.js';

/**
 * An image reference in its normal form.
 *
 * @public
 */
export interface ImageReference {
  /** The text as given; for a reference made from another one, its canonical text. */
  readonly input: string;
  /** The registry's host and port, `docker.io` when none was given; empty in rare legal cases such as `ex_ample.com/foo`. */
  readonly domain: string;
  /** The repository within the registry, such as `library/nginx`. */
  readonly path: string;
  /** `domain/path`, or `path` alone when the domain is empty. */
  readonly name: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

/**
 * What kubelet knows of an image: the parts of its name, with the default tag.
 *
 * @public
 */
export interface ImageName {
  /** The full name without tag and digest, such as `docker.io/library/nginx`: what credentials are looked up by. */
  readonly repository: string;
  /** The tag; `latest` when the image has neither tag nor digest, `undefined` when it has a digest only. */
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

/**
 * What {@link parseAnyReference} found: the digest of an image, or a named reference.
 *
 * @public
 */
export type AnyReference =
  { readonly kind: 'digest'; readonly digest: Digest } | { readonly kind: 'named'; readonly reference: ImageReference };
