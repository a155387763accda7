import type { CallOptions } from '../clock/index.js';
import type { Descriptor } from '../oci/index.js';
import type { ImageReference } from '../reference/index.js';

/**
 * A manifest or index as the registry sent it: the bytes, and the descriptor that they were verified against.
 *
 * @public
 */
export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/**
 * A part of a blob: where the registry's answer starts, and its bytes.
 *
 * @public
 */
export interface FetchedBlob {
  /** The offset of the first byte: what was asked for, or 0 when the registry ignores ranges. */
  readonly offset: number;
  /** Unverified bytes; the store verifies them before it commits. */
  readonly content: AsyncIterable<Uint8Array>;
}

/**
 * A registry seen with one credential. It keeps tokens, and follows redirects by its own rules.
 *
 * @public
 */
export interface RegistryClient {
  /** The descriptor that a reference names now, without its content. */
  resolve(ref: ImageReference, options?: CallOptions): Promise<Descriptor>;
  /** The manifest or index of a reference, verified against its digest (by tag: against the digest of what came). */
  fetchManifest(ref: ImageReference, options?: CallOptions): Promise<FetchedManifest>;
  /** A blob of the reference's repository, from `offset` when the registry can. */
  fetchBlob(
    ref: ImageReference,
    blob: Descriptor,
    options?: CallOptions & { readonly offset?: number | undefined },
  ): Promise<FetchedBlob>;
}
