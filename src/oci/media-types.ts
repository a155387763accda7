import { checkFast } from '../errors/inner.js';
import * as is from '../errors/inner.js';

const DOCKER = 'application/vnd.docker.';

/**
 * The media types of what an image is made of, in the OCI and the Docker schema 2 spelling.
 *
 * @public
 */
export const MEDIA_TYPES = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

/**
 * What to ask a registry for: the four types of manifests that this library reads, indexes first.
 *
 * @public
 */
export const ACCEPTED_MANIFEST_TYPES: readonly string[] = [
  MEDIA_TYPES.ociIndex,
  MEDIA_TYPES.dockerManifestList,
  MEDIA_TYPES.ociManifest,
  MEDIA_TYPES.dockerManifest,
];

/**
 * A media type as it is compared: in lower case, without the parameters that a `Content-Type` may have.
 *
 * @param value - such as the value of a `Content-Type` header
 * @returns the type alone
 * @example
 * ```ts
 * import { normalizeMediaType } from 'kubepull/oci';
 *
 * normalizeMediaType('Application/JSON; charset=utf-8'); // 'application/json'
 * ```
 * @public
 */
export function normalizeMediaType(value: string): string {
  checkFast('Cannot read a media type', 'value', value, is.text);
  const end = value.indexOf(';');
  return (end < 0 ? value : value.slice(0, end)).trim().toLowerCase();
}

/**
 * Tells whether a media type is that of an OCI image index or a Docker manifest list.
 *
 * @param mediaType - the type, without parameters
 * @returns whether it names an image for several platforms
 * @example
 * ```ts
 * import { isIndexMediaType, MEDIA_TYPES } from 'kubepull/oci';
 *
 * isIndexMediaType(MEDIA_TYPES.ociIndex); // true
 * ```
 * @public
 */
export function isIndexMediaType(mediaType: string): boolean {
  checkFast('Cannot read a media type', 'mediaType', mediaType, is.text);
  return mediaType === MEDIA_TYPES.ociIndex || mediaType === MEDIA_TYPES.dockerManifestList;
}

/**
 * Tells whether a media type is that of an OCI image manifest or a Docker schema 2 manifest.
 *
 * @param mediaType - the type, without parameters
 * @returns whether it names an image for one platform
 * @example
 * ```ts
 * import { isManifestMediaType, MEDIA_TYPES } from 'kubepull/oci';
 *
 * isManifestMediaType(MEDIA_TYPES.ociManifest); // true
 * ```
 * @public
 */
export function isManifestMediaType(mediaType: string): boolean {
  checkFast('Cannot read a media type', 'mediaType', mediaType, is.text);
  return mediaType === MEDIA_TYPES.ociManifest || mediaType === MEDIA_TYPES.dockerManifest;
}

/**
 * Tells whether a media type is that of an image's config, OCI or Docker.
 *
 * @param mediaType - the type, without parameters
 * @returns whether the content says what platform the image is for; the configs of other artifacts need not
 * @example
 * ```ts
 * import { isImageConfigMediaType, MEDIA_TYPES } from 'kubepull/oci';
 *
 * isImageConfigMediaType(MEDIA_TYPES.ociConfig); // true
 * ```
 * @public
 */
export function isImageConfigMediaType(mediaType: string): boolean {
  checkFast('Cannot read a media type', 'mediaType', mediaType, is.text);
  return mediaType === MEDIA_TYPES.ociConfig || mediaType === MEDIA_TYPES.dockerConfig;
}

/** Whether a media type is one of Docker's, whose documents always name their type themselves. */
export function isDockerMediaType(mediaType: string): boolean {
  return mediaType.startsWith(DOCKER);
}

/** Whether a media type is that of a Docker schema 1 manifest, signed or not. */
export function isSchema1MediaType(mediaType: string): boolean {
  return mediaType.startsWith(`${DOCKER}distribution.manifest.v1+`);
}

/**
 * What a layer's media type says of its content.
 *
 * @public
 */
export interface LayerKind {
  /** How the tar archive of the layer is compressed. */
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** Whether a registry may hand the content out; if not, it may be at the descriptor's `urls` only. */
  readonly distributable: boolean;
}

const LAYER =
  /^(?:oci\.image\.layer\.(nondistributable\.)?v1\.tar(?:\+(gzip|zstd))?|docker\.image\.rootfs\.(foreign\.)?diff\.tar(?:[.+](gzip|zstd))?)$/;

/**
 * Reads the media type of a layer.
 *
 * @param mediaType - the type, without parameters
 * @returns its compression and whether it may be distributed, or `undefined` when it is not a file system layer
 * @example
 * ```ts
 * import { classifyLayer } from 'kubepull/oci';
 *
 * classifyLayer('application/vnd.oci.image.layer.v1.tar+zstd'); // { compression: 'zstd', distributable: true }
 * ```
 * @see IsLayerType in containerd core/images/mediatypes.go
 * @public
 */
export function classifyLayer(mediaType: string): LayerKind | undefined {
  checkFast('Cannot read a media type', 'mediaType', mediaType, is.text);
  const prefix = 'application/vnd.';
  const match = mediaType.startsWith(prefix) ? LAYER.exec(mediaType.slice(prefix.length)) : null;
  if (match === null) return undefined;
  const [, ociRestricted, ociCompression, dockerRestricted, dockerCompression] = match;
  const compression = (ociCompression ?? dockerCompression ?? 'none') as LayerKind['compression'];
  return { compression, distributable: (ociRestricted ?? dockerRestricted) === undefined };
}
