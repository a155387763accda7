import type { Digest } from '../digest/index.js';

/**
 * The operating system and CPU that an image is for, in the spelling of the OCI image spec.
 *
 * @public
 */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
  readonly 'os.version'?: string | undefined;
  readonly 'os.features'?: readonly string[] | undefined;
}

/**
 * Names content by type, digest and size.
 *
 * @public
 */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Size of the content in bytes. */
  readonly size: number;
  /** Where the content may be had besides the registry; never followed by default. */
  readonly urls?: readonly string[] | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly artifactType?: string | undefined;
  readonly platform?: Platform | undefined;
  /** The content itself in Base64, as a hint that nothing has verified; see {@link embeddedContent}. */
  readonly data?: string | undefined;
}

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
