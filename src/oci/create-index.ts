import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { ImageError } from '../errors/index.js';
import { type Descriptor, quote } from '../internal/index.js';
import { DEFAULT_DOCUMENT_LIMITS } from './limits.js';
import { isDockerMediaType, isIndexMediaType, isManifestMediaType, MEDIA_TYPES } from './media-types.js';
import type { ImageIndex } from './types.js';

/**
 * What {@link createIndex} makes besides the entries.
 *
 * @public
 */
export interface CreateIndexOptions {
  /**
   * The media type of the index.
   *
   * @defaultValue Docker's manifest list when every entry is a Docker manifest, the OCI index otherwise
   */
  readonly mediaType?: typeof MEDIA_TYPES.ociIndex | typeof MEDIA_TYPES.dockerManifestList | undefined;
  /** What the index is, when it is no image; OCI only. */
  readonly artifactType?: string | undefined;
  /** The manifest that the index is about; OCI only. */
  readonly subject?: Descriptor | undefined;
  /** OCI only. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * Makes an index of manifests, as `docker manifest create` does.
 *
 * Of two entries with the same digest the later takes the place of the earlier, so that an index can be amended:
 * `createIndex([...index.manifests, added])`. Embedded content is left out.
 *
 * @param manifests - the entries, with the platform that each is for; `readConfig` of `kubepull/distribution` gives such descriptors
 * @param options - the media type, and what else the index says
 * @returns the index; {@link encodeManifest} makes the bytes to push
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for no entries or more than 1,024, an entry that is no manifest, and in a
 * Docker manifest list an entry without platform, a nested index, or what only OCI has
 * @example
 * ```ts
 * import { createIndex, type Descriptor } from 'kubepull/oci';
 *
 * declare const amd64: Descriptor;
 * declare const arm64: Descriptor;
 * createIndex([
 *   { ...amd64, platform: { os: 'linux', architecture: 'amd64' } },
 *   { ...arm64, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
 * ]);
 * ```
 * @see createManifestList in docker/cli cli/command/manifest/create_list.go
 * @public
 */
export function createIndex(manifests: readonly Descriptor[], options: CreateIndexOptions = {}): ImageIndex {
  check('Cannot create an index', { manifests }, { manifests: is.listOf(is.descriptor) });
  check<CreateIndexOptions>('Cannot create an index', options, {
    mediaType: is.optional(is.text),
    artifactType: is.optional(is.text),
    subject: is.optional(is.descriptor),
    annotations: is.optional(is.stringMap),
  });
  const entries = [...new Map(manifests.map((entry) => [entry.digest, plainEntry(entry)])).values()];
  const allDocker = entries.every(({ mediaType }) => isDockerMediaType(mediaType));
  const { mediaType = allDocker ? MEDIA_TYPES.dockerManifestList : MEDIA_TYPES.ociIndex } = options;
  checkCount(entries.length);
  if (!isIndexMediaType(mediaType)) throw refuse(`its media type cannot be ${quote(mediaType)}`);
  for (const entry of entries) checkEntry(entry);
  if (isDockerMediaType(mediaType)) checkDocker(entries, options);
  const { artifactType, subject, annotations } = options;
  return {
    schemaVersion: 2,
    mediaType,
    ...(artifactType === undefined ? {} : { artifactType }),
    manifests: entries,
    ...(subject === undefined ? {} : { subject: plainEntry(subject) }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** Content stands in the descriptors of a manifest, never in those that lead to one. */
function plainEntry(entry: Descriptor): Descriptor {
  return entry.data === undefined ? entry : { ...entry, data: undefined };
}

function checkCount(count: number): void {
  const { maxManifests } = DEFAULT_DOCUMENT_LIMITS;
  if (count === 0) throw refuse('it has no entries');
  if (count > maxManifests) throw refuse(`it has ${count} entries, more than ${maxManifests}`);
}

function checkEntry({ mediaType, digest }: Descriptor): void {
  if (isManifestMediaType(mediaType) || isIndexMediaType(mediaType)) return;
  throw refuse(`entry ${quote(digest)} is ${quote(mediaType)}, which is neither a manifest nor an index`);
}

/** Docker's clients choose by platform alone, know no index in an index, and no fields beyond the entries. */
function checkDocker(entries: readonly Descriptor[], options: CreateIndexOptions): void {
  for (const { mediaType, digest, platform } of entries) {
    if (isIndexMediaType(mediaType))
      throw refuse(`entry ${quote(digest)} is an index, which a manifest list cannot hold`);
    if (platform === undefined || platform.os === '' || platform.architecture === '')
      throw refuse(`entry ${quote(digest)} does not say its os and architecture`);
  }
  for (const key of ['artifactType', 'subject', 'annotations'] as const)
    if (options[key] !== undefined) throw refuse(`a Docker manifest list has no ${key}`);
}

function refuse(reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot create an index: ${reason}`);
}
