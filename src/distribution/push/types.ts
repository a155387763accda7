import type { CallOptions } from '../../clock/index.js';
import type { Descriptor } from '../../oci/index.js';
import type { ImageReference } from '../../reference/index.js';

/**
 * Content to push: bytes, or a function that starts to read them, once more when the registry asks for the credential
 * first.
 *
 * @public
 */
export type BlobSource = Uint8Array | (() => AsyncIterable<Uint8Array>);

/**
 * How a blob is pushed.
 *
 * @public
 */
export interface PushBlobOptions extends CallOptions {
  /** The content, where there is some; without it the blob has to be in the repository or mounted. */
  readonly content?: BlobSource | undefined;
  /** A repository of the same registry that may have the blob, to be mounted from there. @defaultValue none */
  readonly mountFrom?: Pick<ImageReference, 'path'> | undefined;
}

/**
 * How a blob came into the repository.
 *
 * @public
 */
export type PushedBlob = 'present' | 'mounted' | 'uploaded';

/**
 * A manifest to push.
 *
 * @public
 */
export interface PushContent {
  readonly bytes: Uint8Array;
  /** Its media type; a Docker manifest says the same itself. */
  readonly mediaType: string;
}

/**
 * How a manifest is pushed.
 *
 * @public
 */
export interface PushManifestOptions extends CallOptions {
  /**
   * The content of what the manifest names: blobs, and for an index its manifests, which are to be bytes. It is asked for
   * each of them once; a function that it gives is called only if the repository lacks the blob.
   *
   * @defaultValue all has to be in the repository already, or mounted
   * @example
   * ```ts
   * import type { PushManifestOptions, RegistryClient } from 'kubepull/distribution';
   * import { isIndexMediaType, isManifestMediaType } from 'kubepull/oci';
   * import type { ImageReference } from 'kubepull/reference';
   *
   * declare const source: RegistryClient;
   * declare const from: ImageReference;
   * const options: PushManifestOptions = {
   *   content: async (wanted) =>
   *     isManifestMediaType(wanted.mediaType) || isIndexMediaType(wanted.mediaType)
   *       ? (await source.fetchManifest(from, { descriptor: wanted })).bytes
   *       : () => source.layer(from, wanted),
   * };
   * ```
   */
  readonly content?: ((descriptor: Descriptor) => BlobSource | undefined | Promise<BlobSource | undefined>) | undefined;
  /** A repository of the same registry that may have the blobs, to be mounted from there. @defaultValue none */
  readonly mountFrom?: Pick<ImageReference, 'path'> | undefined;
}

/**
 * A manifest that the registry took.
 *
 * @public
 */
export interface PushedManifest {
  readonly descriptor: Descriptor;
  /** How each blob came into the repository; those that other manifests of an index name are among them. */
  readonly blobs: readonly { readonly descriptor: Descriptor; readonly how: PushedBlob }[];
  /**
   * Who keeps the list of what refers to the manifest's subject: the registry, or a tag that was pushed too because the
   * registry does not; `undefined` when the manifest has no subject.
   */
  readonly referrers: 'registry' | 'tag' | undefined;
}
