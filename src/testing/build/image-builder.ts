import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import type { Digest } from '../../digest/index.js';
import { ImageError } from '../../errors/index.js';
import type { Descriptor, ImageManifest, Platform } from '../../oci/index.js';
import { blobsOf, type BuiltContent, describeDocument } from './content.js';
import { buildLayer, type BuiltLayer, type LayerOptions } from './layer.js';
import { MEDIA_TYPES, type MediaTypeFamily } from './media-types.js';

/**
 * Options of {@link buildImage}.
 *
 * @public
 */
export interface BuildImageOptions {
  /** The platform of the image. @defaultValue `linux/amd64` */
  readonly platform?: Platform | undefined;
  /** From the lowest up. */
  readonly layers: readonly LayerOptions[];
  /** What containers of the image start with, in the spelling of the image spec: `Env`, `Cmd`, `Labels` and so on. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  /** Whose media types the image has, OCI's or Docker's. @defaultValue `'oci'` */
  readonly mediaTypes?: MediaTypeFamily | undefined;
  /** Annotations of the manifest; OCI only. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * An image in memory: its manifest, and every byte that the manifest names.
 *
 * @public
 */
export interface BuiltImage {
  /** The manifest's descriptor, with the platform. */
  readonly descriptor: Descriptor;
  /** The manifest as an object. */
  readonly manifest: ImageManifest;
  /** Layers, then the config, then the manifest: what is named stands before what names it. */
  readonly contents: readonly BuiltContent[];
  /** The same contents by digest. */
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
}

const DEFAULT_PLATFORM: Platform = { os: 'linux', architecture: 'amd64' };

/** When all test images were made. */
const CREATED = '1970-01-01T00:00:00Z';

/**
 * Builds a real image in memory: gzip tar layers, a config with their diff IDs, and a manifest.
 *
 * Equal options give equal bytes, and so equal digests, on every machine and release of Node. The gzip streams do not
 * compress, for that reason.
 *
 * @param options - the platform and the layers
 * @returns the image, fit for `push` of a loopback registry or for a store
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a path that is not relative, a size that is not a whole number, or annotations
 * on a Docker manifest, which has no place for them
 * @example
 * ```ts
 * import { buildImage } from 'kubepull/testing';
 *
 * const image = buildImage({
 *   platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
 *   layers: [{ files: { 'etc/motd': 'hello\n' } }, { randomBytes: 1_000_000 }],
 * });
 * image.descriptor.digest; // sha256:…
 * ```
 * @public
 */
export function buildImage(options: BuildImageOptions): BuiltImage {
  check<BuildImageOptions>('Cannot build an image', options, {
    platform: is.optional(is.platform),
    layers: is.listOf(is.object),
    config: is.optional(is.object),
    mediaTypes: is.optional(is.oneOf('oci', 'docker')),
    annotations: is.optional(is.stringMap),
  });
  const { platform = DEFAULT_PLATFORM, mediaTypes: family = 'oci', annotations } = options;
  if (family === 'docker' && annotations !== undefined) {
    throw new ImageError('ERR_OPTION_INVALID', 'Cannot annotate the image: Docker manifests have no annotations');
  }
  const layers = options.layers.map((layer, place) => buildLayer(layer, place, family));
  const config = describeDocument(MEDIA_TYPES[family].config, imageConfig(platform, layers, options.config));
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES[family].manifest,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    ...(annotations === undefined ? {} : { annotations }),
  };
  return finishImage(manifest, [...layers, config], platform);
}

/** Completes an image whose manifest and other contents stand. */
export function finishImage(manifest: ImageManifest, named: readonly BuiltContent[], platform: Platform): BuiltImage {
  const { descriptor, bytes } = describeDocument(manifest.mediaType, manifest);
  const contents = [...named.map(({ descriptor, bytes }) => ({ descriptor, bytes })), { descriptor, bytes }];
  return { descriptor: { ...descriptor, platform }, manifest, contents, blobs: blobsOf(contents) };
}

function imageConfig(platform: Platform, layers: readonly BuiltLayer[], config: object = {}): object {
  return {
    created: CREATED,
    ...platform,
    config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created: CREATED, created_by: 'kubepull/testing' })),
  };
}
