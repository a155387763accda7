import type { Digest } from '../digest/index.js';

/**
 * The name of an image, parsed: what credentials, keys and rules are for. Tag and digest play no part in it.
 *
 * Each reference that a parser gives is one: `parseImageName` reads the image of a container as kubelet does.
 *
 * @public
 */
export interface ImageName {
  /** The registry's host and port, `docker.io` when none was given; empty in rare legal cases such as `ex_ample.com/foo`. */
  readonly domain: string;
  /** The repository within the registry, such as `library/nginx`. */
  readonly path: string;
}

/**
 * An image reference in its normal form.
 *
 * @public
 */
export interface ImageReference extends ImageName {
  /** The text as given; for a reference made from another one, its canonical text. */
  readonly input: string;
  /** `domain/path`, or `path` alone when the domain is empty. */
  readonly name: string;
  /** The tag; `undefined` when there is none. */
  readonly tag: string | undefined;
  /** The digest; `undefined` when there is none. */
  readonly digest: Digest | undefined;
}

/**
 * What {@link parseAnyReference} found: the digest of an image, or a named reference.
 *
 * @public
 */
export type AnyReference =
  { readonly kind: 'digest'; readonly digest: Digest } | { readonly kind: 'named'; readonly reference: ImageReference };
