import type { Descriptor } from '../internal/index.js';

/**
 * One image for several platforms: an OCI image index or a Docker manifest list.
 *
 * @public
 */
export interface ImageIndex {
  /** Always 2. */
  readonly schemaVersion: 2;
  /** The media type of the index. */
  readonly mediaType: string;
  /** What the index is, when it is no image. */
  readonly artifactType?: string | undefined;
  /** What it lists, in its order. */
  readonly manifests: readonly Descriptor[];
  /** The manifest that this one is about, as a signature is about an image. */
  readonly subject?: Descriptor | undefined;
  /** What else is said of it. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * One image for one platform: an OCI image manifest or a Docker schema 2 manifest.
 *
 * @public
 */
export interface ImageManifest {
  /** Always 2. */
  readonly schemaVersion: 2;
  /** The media type of the manifest. */
  readonly mediaType: string;
  /** What the content is, when it is no image. */
  readonly artifactType?: string | undefined;
  /** The config of the image. */
  readonly config: Descriptor;
  /** The layers, from the lowest up. */
  readonly layers: readonly Descriptor[];
  /** The manifest that this one is about, as a signature is about an image. */
  readonly subject?: Descriptor | undefined;
  /** What else is said of it. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}
