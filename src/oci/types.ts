import type { Descriptor } from '../internal/index.js';

/**
 * One image for several platforms: an OCI image index or a Docker manifest list.
 *
 * @public
 */
export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  /** What the index is, when it is no image. */
  readonly artifactType?: string | undefined;
  readonly manifests: readonly Descriptor[];
  /** The manifest that this one is about, as a signature is about an image. */
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * One image for one platform: an OCI image manifest or a Docker schema 2 manifest.
 *
 * @public
 */
export interface ImageManifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  /** What the content is, when it is no image. */
  readonly artifactType?: string | undefined;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** The manifest that this one is about, as a signature is about an image. */
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}
