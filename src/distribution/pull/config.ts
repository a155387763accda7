import type { ImageReference } from '../../reference/index.js';
import {
  type Descriptor,
  type ImageConfig,
  type ImageManifest,
  isImageConfigMediaType,
  normalizeMediaType,
  parseImageConfig,
} from '../../oci/index.js';
import { unreadable } from '../response/response.js';
import { enter, type RegistrySession } from '../session/session.js';
import { noConfig, readManifest, type ReadManifestOptions } from './manifests.js';
import { collectBlob } from './read-blob.js';

/** An image config is a page of JSON; this is what is read into memory of it. */
const MAX_CONFIG = 4 * 1024 * 1024;

/**
 * The config of an image or artifact.
 *
 * @public
 */
export interface ReadConfig {
  /** The manifest that names it, with the platform that the index or else the config gives. */
  readonly manifest: Descriptor;
  /** The descriptor of the config, as the manifest has it. */
  readonly descriptor: Descriptor;
  /** Verified. */
  readonly bytes: Uint8Array;
  /** What it says of the image; `undefined` when it is not an image's config, as that of an artifact. */
  readonly image: ImageConfig | undefined;
  /** The manifest itself. */
  readonly document: ImageManifest;
}

/**
 * Reads the config of the image or artifact that a reference names; of an index, that of the entry that `choose` picks.
 *
 * @param session - with the reference's registry
 * @param ref - the image
 * @param options - which entry of an index to go on with, an abort signal
 * @returns the config, verified, with the manifest that names it
 * @throws what {@link createRegistrySession} says of verbs; `ERR_REGISTRY_DOCUMENT` for an index without `choose`, and for
 * a config of more than 4 MiB
 * @example
 * ```ts
 * import { readConfig, type RegistrySession } from 'kubepull/distribution';
 * import { parseReference } from 'kubepull/reference';
 *
 * declare const session: RegistrySession;
 * const { image } = await readConfig(session, parseReference('registry.example.com/app:1-amd64'));
 * console.log(image?.created, image?.platform);
 * ```
 * @public
 */
export async function readConfig(
  session: RegistrySession,
  ref: ImageReference,
  options: ReadManifestOptions = {},
): Promise<ReadConfig> {
  const found = await readManifest(session, ref, options);
  if (found.kind === 'index') throw noConfig(ref, 'it is an index, and nothing chooses of its entries');
  const { config: descriptor } = found.manifest;
  const bytes = await collectBlob(session, ref, descriptor, { signal: options.signal, maxBytes: MAX_CONFIG });
  if (enter(session, ref).echoes(new TextDecoder().decode(bytes)))
    throw unreadable(`the config of ${ref.name}`, 'it has a secret in it that was sent to get it');
  const isImage = isImageConfigMediaType(normalizeMediaType(descriptor.mediaType));
  const image = isImage ? parseImageConfig(bytes) : undefined;
  const platform = found.descriptor.platform ?? image?.platform;
  const manifest = platform === undefined ? found.descriptor : { ...found.descriptor, platform };
  return { manifest, descriptor, bytes, image, document: found.manifest };
}
