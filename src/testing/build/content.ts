import { createHash } from 'node:crypto';
import { type Digest, getDigestAlgorithm, type DigestAlgorithm } from '../../digest/index.js';
import type { Descriptor } from '../../oci/index.js';

/**
 * One piece of a built image: its bytes, and the descriptor that names them.
 *
 * @public
 */
export interface BuiltContent {
  /** The media type, digest and size of the content. */
  readonly descriptor: Descriptor;
  /** The content itself. */
  readonly bytes: Uint8Array;
}

/** The digest of bytes. */
function computeDigest(algorithm: DigestAlgorithm, bytes: Uint8Array): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
}

/** The SHA-256 digest of bytes. */
export function sha256(bytes: Uint8Array): Digest {
  return computeDigest('sha256', bytes);
}

/** Whether bytes are what a digest says. */
export function isContentOf(digest: Digest, bytes: Uint8Array): boolean {
  return computeDigest(getDigestAlgorithm(digest), bytes) === digest;
}

/** Names bytes by type, digest and size. */
export function describeBytes(mediaType: string, bytes: Uint8Array): BuiltContent {
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes };
}

/** A JSON document as content: compact, keys in the order in which they stand. */
export function describeDocument(mediaType: string, document: object): BuiltContent {
  return describeBytes(mediaType, new TextEncoder().encode(JSON.stringify(document)));
}

/** All contents by digest. */
export function blobsOf(contents: readonly BuiltContent[]): ReadonlyMap<Digest, Uint8Array> {
  return new Map(contents.map(({ descriptor, bytes }) => [descriptor.digest, bytes]));
}
