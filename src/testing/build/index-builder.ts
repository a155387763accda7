import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import type { Digest } from '../../digest/index.js';
import { ImageError } from '../../errors/index.js';
import type { Descriptor, ImageIndex, ImageManifest } from '../../oci/index.js';
import { blobsOf, type BuiltContent, describeDocument } from './content.js';
import { type BuiltImage, finishImage } from './image-builder.js';
import { MEDIA_TYPES, type MediaTypeFamily } from './media-types.js';

/**
 * Options of {@link buildIndex}.
 *
 * @public
 */
export interface BuildIndexOptions {
  /**
   * The type of the index itself; its entries keep theirs.
   *
   * @defaultValue `'oci'`
   */
  readonly mediaTypes?: MediaTypeFamily | undefined;
  /**
   * Adds an `unknown/unknown` entry for each image behind all images, as BuildKit does for provenance.
   *
   * @defaultValue `false`
   */
  readonly attestations?: boolean | undefined;
  /** Annotations of the index; OCI only. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * An index in memory, with everything that it names, to the last layer.
 *
 * @public
 */
export interface BuiltIndex {
  /** The media type, digest and size of the index. */
  readonly descriptor: Descriptor;
  /** The index as an object. */
  readonly index: ImageIndex;
  /** What is named stands before what names it; the index itself comes last. */
  readonly contents: readonly BuiltContent[];
  /** The same contents by digest. */
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
}

/**
 * Puts images under one multi-arch index. An entry may be an index, too.
 *
 * @param entries - what {@link buildImage} or this function made, in the order of the index
 * @param options - the media type of the index, and what else it holds
 * @returns the index with all contents of its entries
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for annotations on a Docker manifest list
 * @example
 * ```ts
 * import { buildImage, buildIndex } from 'kubepull/testing';
 *
 * const layers = [{ files: { 'etc/motd': 'hello\n' } }];
 * const amd64 = buildImage({ platform: { os: 'linux', architecture: 'amd64' }, layers });
 * const arm64 = buildImage({ platform: { os: 'linux', architecture: 'arm64' }, layers });
 * buildIndex([amd64, arm64], { attestations: true }).index.manifests.length; // 4
 * ```
 * @public
 */
export function buildIndex(entries: readonly (BuiltImage | BuiltIndex)[], options: BuildIndexOptions = {}): BuiltIndex {
  const built = is.shape(
    { descriptor: is.descriptor, contents: is.listOf(is.object) },
    'an image, such as buildImage() gives',
  );
  check('Cannot build an index', { entries }, { entries: is.listOf(built) });
  check<BuildIndexOptions>('Cannot build an index', options, {
    mediaTypes: is.optional(is.oneOf('oci', 'docker')),
    attestations: is.optional(is.bool),
    annotations: is.optional(is.stringMap),
  });
  const { mediaTypes: family = 'oci', annotations } = options;
  if (family === 'docker' && annotations !== undefined) {
    throw new ImageError('ERR_OPTION_INVALID', 'Cannot annotate the index: Docker manifest lists have no annotations');
  }
  const all = options.attestations === true ? [...entries, ...entries.flatMap(attest)] : entries;
  const index: ImageIndex = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES[family].index,
    manifests: all.map(({ descriptor }) => descriptor),
    ...(annotations === undefined ? {} : { annotations }),
  };
  const own = describeDocument(index.mediaType, index);
  const contents = [...withoutRepeats(all.flatMap((entry) => entry.contents)), own];
  return { descriptor: own.descriptor, index, contents, blobs: blobsOf(contents) };
}

/** Images may share layers. */
function withoutRepeats(contents: readonly BuiltContent[]): readonly BuiltContent[] {
  return [...new Map(contents.map((content) => [content.descriptor.digest, content])).values()];
}

/** The manifest that BuildKit puts beside an image: no image itself, so its platform is `unknown/unknown`. */
function attest(entry: BuiltImage | BuiltIndex): readonly BuiltImage[] {
  if (!('manifest' in entry)) return [];
  const { digest } = entry.descriptor;
  const platform = { os: 'unknown', architecture: 'unknown' };
  const statement = describeDocument('application/vnd.in-toto+json', {
    _type: 'https://in-toto.io/Statement/v0.1',
    predicateType: 'https://slsa.dev/provenance/v0.2',
    subject: [{ digest: { sha256: digest.slice('sha256:'.length) } }],
  });
  const config = describeDocument(MEDIA_TYPES.oci.config, {
    ...platform,
    config: {},
    rootfs: { type: 'layers', diff_ids: [statement.descriptor.digest] },
  });
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.oci.manifest,
    config: config.descriptor,
    layers: [statement.descriptor],
  };
  const image = finishImage(manifest, [statement, config], platform);
  const annotations = {
    'vnd.docker.reference.digest': digest,
    'vnd.docker.reference.type': 'attestation-manifest',
  };
  return [{ ...image, descriptor: { ...image.descriptor, annotations } }];
}
