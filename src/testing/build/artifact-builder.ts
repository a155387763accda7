import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import type { Digest } from '../../digest/index.js';
import type { Descriptor, ImageManifest } from '../../oci/index.js';
import { blobsOf, type BuiltContent, describeBytes, describeDocument } from './content.js';
import { MEDIA_TYPES } from './media-types.js';

/**
 * Options of {@link buildArtifact}.
 *
 * @beta
 */
export interface BuildArtifactOptions {
  /** What it is, such as `application/vnd.example.signature`. */
  readonly artifactType: string;
  /** The manifest that it is about: what the referrers of that manifest then list. */
  readonly subject?: Pick<Descriptor, 'mediaType' | 'digest' | 'size'> | undefined;
  /**
   * The content of its layers, as text or bytes, by media type.
   *
   * @defaultValue the one empty layer of the image spec
   */
  readonly layers?: readonly (readonly [mediaType: string, content: string | Uint8Array])[] | undefined;
  /** Annotations of the manifest. @defaultValue none */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * An artifact in memory: a manifest that is no image.
 *
 * @beta
 */
export interface BuiltArtifact {
  /** The descriptor of the manifest, with the type of the artifact. */
  readonly descriptor: Descriptor;
  /** The manifest as an object. */
  readonly manifest: ImageManifest & { readonly subject?: Descriptor | undefined };
  /** What is named stands before what names it; the manifest comes last. */
  readonly contents: readonly BuiltContent[];
  /** The same contents by digest. */
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
}

const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';

/**
 * Builds an artifact, such as a signature or an SBOM, that may refer to an image.
 *
 * @param options - its type, its subject and its layers
 * @returns the artifact, fit for `push` of a loopback registry
 * @example
 * ```ts
 * import { buildArtifact, buildImage } from 'kubepull/testing';
 *
 * const image = buildImage({ layers: [{ files: { 'etc/motd': 'hello\n' } }] });
 * const sbom = buildArtifact({
 *   artifactType: 'application/spdx+json',
 *   subject: image.descriptor,
 *   layers: [['application/spdx+json', '{}']],
 * });
 * sbom.manifest.subject?.digest; // that of the image
 * ```
 * @beta
 */
export function buildArtifact(options: BuildArtifactOptions): BuiltArtifact {
  const layer = {
    what: 'a pair of media type and content',
    accepts: (pair: unknown) =>
      Array.isArray(pair) &&
      typeof pair[0] === 'string' &&
      (typeof pair[1] === 'string' || pair[1] instanceof Uint8Array),
  };
  check<BuildArtifactOptions>('Cannot build an artifact', options, {
    artifactType: is.text,
    subject: is.optional(is.descriptor),
    layers: is.optional(is.listOf(layer)),
    annotations: is.optional(is.stringMap),
  });
  const { artifactType, subject, annotations } = options;
  const empty = describeBytes(EMPTY_TYPE, new TextEncoder().encode('{}'));
  const layers = options.layers?.map(([type, content]) => describeBytes(type, Buffer.from(content))) ?? [empty];
  const manifest = {
    schemaVersion: 2 as const,
    mediaType: MEDIA_TYPES.oci.manifest,
    artifactType,
    config: empty.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    ...(subject === undefined ? {} : { subject: plainDescriptor(subject) }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  const { descriptor, bytes } = describeDocument(manifest.mediaType, manifest);
  const contents = [...new Set([...layers, empty]), { descriptor, bytes }];
  return { descriptor: { ...descriptor, artifactType }, manifest, contents, blobs: blobsOf(contents) };
}

/** A platform or an annotation of the subject is none of the artifact's business. */
function plainDescriptor({ mediaType, digest, size }: Pick<Descriptor, 'mediaType' | 'digest' | 'size'>): Descriptor {
  return { mediaType, digest, size };
}
