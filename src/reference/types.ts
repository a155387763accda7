import type { Digest } from '../digest/index.js';

/**
 * An image reference in its normal form.
 *
 * @public
 */
export interface ImageReference {
  /** The text as given. */
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
