import type { Descriptor } from '../internal/index.js';

/**
 * One image for several platforms: an OCI image index or a Docker manifest list.
 *
 * @public
 */
export interface ImageIndex {
  /** The version of the format, which is always 2. */
  readonly schemaVersion: 2;
  /** The media type; when the document has none, the one that it came with, or that its fields show. */
  readonly mediaType: string;
  /** What the index is, when it is no image. */
  readonly artifactType?: string | undefined;
  /** The manifests, and the indexes, that it lists, in its order. */
  readonly manifests: readonly Descriptor[];
  /** The manifest that this one is about, as a signature is about an image. */
  readonly subject?: Descriptor | undefined;
  /** Annotations of the index: free text by key. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * One image for one platform: an OCI image manifest or a Docker schema 2 manifest.
 *
 * @public
 */
export interface ImageManifest {
  /** The version of the format, which is always 2. */
  readonly schemaVersion: 2;
  /** The media type; when the document has none, the one that it came with, or that its fields show. */
  readonly mediaType: string;
  /** What the content is, when it is no image. */
  readonly artifactType?: string | undefined;
  /** The config of the image; of an artifact often an empty one. */
  readonly config: Descriptor;
  /** The layers, from the lowest up; of an artifact its contents. */
  readonly layers: readonly Descriptor[];
  /** The manifest that this one is about, as a signature is about an image. */
  readonly subject?: Descriptor | undefined;
  /** Annotations of the manifest: free text by key. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}
