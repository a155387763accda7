import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { checkStoreName, type ImageStore } from '../../store/index.js';
import { withStoreErrors } from '../files/errors.js';
import { fileSystemKind, nodeFileSystem } from '../files/file-system.js';
import { nodeHasher } from '../hasher.js';
import type { ImageArchive, LoadArchiveOptions, LoadedImage } from './load-types.js';
import { readDockerImages } from './loaded-docker.js';
import { storeImages } from './loaded-images.js';
import { readOciImages } from './loaded-oci.js';
import { openArchive, type OpenArchiveOptions } from './open-archive.js';
import { badArchive } from './tar-cursor.js';
import { DEFAULT_MAX_UNPACKED_BYTES } from './types.js';

/**
 * Loads the images of a tar archive into a store, without a registry: what `docker save`, `skopeo`, `podman save`,
 * `buildah push`, `docker buildx`, `ctr images export`, {@link writeOciArchive} and {@link writeDockerArchive} write, packed
 * with gzip (or zstd, from Node 22.15 on) or not.
 *
 * The archive is read once, and all of it is hashed, before anything is written: one that is cut, corrupt or hostile
 * leaves nothing behind. Then each image is copied as `copyImage` does, verified by the store, and the names are given last.
 *
 * An OCI archive keeps every digest. Of an index whose images are not all in the archive, as `ctr images export` writes it,
 * those that are there are taken: one in the place of the index, several as an index of their own. A docker-archive has no
 * manifests: config and layers stay byte for byte, and each image gets an OCI manifest of them, the same one each time, with
 * layers of type `tar`, `tar+gzip` or `tar+zstd`, as they stand in the archive. Layers are held against the config.
 *
 * @param source - a path or a stream
 * @param store - where the images shall be
 * @param options - see {@link LoadArchiveOptions}; `platform` takes the image of that platform in the place of an index
 * @returns the images, in the order of the archive
 * @throws {@link StoreError} when the archive is none, cut, ambiguous, or beyond a limit, when a name in it leads out of it,
 * when content is missing, or when reading or writing failed
 * @throws {@link ContentMismatchError} when content of the archive is not what its name or the config says
 * @throws {@link PlatformNotFoundError} when an index has no image for `platform`, or, with `strictPlatform`, an image is for
 * another one
 * @throws {@link ImageError} `ERR_REGISTRY_DOCUMENT` when a manifest, index or config is none; `ERR_OPTION_INVALID` for an
 * option of the wrong kind, and for `as` where the archive has several images
 * @example
 * ```ts
 * import { loadImageArchive, openOciLayout, readHostPlatform } from 'kubepull/node';
 *
 * const store = await openOciLayout('./layout');
 * for (const { names, root } of await loadImageArchive('./images.tar', store, { platform: readHostPlatform() })) {
 *   console.log(names.join(', '), root.digest);
 * }
 * ```
 * @see ImportIndex in containerd core/images/archive/importer.go
 * @public
 */
export async function loadImageArchive(
  source: ImageArchive,
  store: ImageStore,
  options: LoadArchiveOptions = {},
): Promise<readonly LoadedImage[]> {
  checkOptions(source, store, options);
  const { fs = nodeFileSystem, createHasher = nodeHasher, signal } = options;
  signal?.throwIfAborted();
  const { maxUnpackedBytes: maxBytes = DEFAULT_MAX_UNPACKED_BYTES } = options;
  const opening: OpenArchiveOptions = { fs: withStoreErrors(fs), createHasher, maxBytes, signal };
  const archive = await openArchive(source, opening);
  try {
    const found = (await readOciImages(archive, signal)) ?? (await readDockerImages(archive, opening));
    if (found === undefined) throw badArchive('it is neither an OCI layout nor a docker-archive');
    return await storeImages(archive, found, store, { ...options, createHasher });
  } finally {
    await archive.close();
  }
}

function checkOptions(source: ImageArchive, store: ImageStore, options: LoadArchiveOptions): void {
  const action = 'Cannot load an archive';
  check(
    action,
    { source, store, options },
    {
      source: is.either(is.filledText, is.asyncIterable),
      store: is.having('a store with has, read, ingest, tag', 'has', 'read', 'ingest', 'tag'),
      options: is.object,
    },
  );
  check<LoadArchiveOptions>(action, options, {
    as: is.optional(is.text),
    maxUnpackedBytes: is.optional(is.wholeFrom(0)),
    platform: is.optional(is.platform),
    strictPlatform: is.optional(is.bool),
    createHasher: is.optional(is.hasher),
    fs: is.optional(fileSystemKind),
    onEvent: is.optional(is.callable),
    ...is.callOptions,
  });
  if (options.as !== undefined) checkStoreName(options.as);
}
