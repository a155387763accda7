import type { Digest } from '../../digest/index.js';
import { ImageError } from '../../errors/index.js';
import { quote } from '../../internal/index.js';
import {
  DEFAULT_DOCUMENT_LIMITS,
  type Descriptor,
  isImageConfigMediaType,
  normalizeMediaType,
  parseImageConfig,
} from '../../oci/index.js';
import { formatReference, parseDockerReference, safeParseReference } from '../../reference/index.js';
import { type ContentStore, readContent } from '../../store/index.js';
import { checkPlatform, type ChosenManifest, chooseManifest, contentsOf, type NamedImage } from './images.js';
import type { NamedLayer } from './docker-layer.js';
import type { DockerArchiveOptions } from './docker-options.js';
import { hostPlatform } from '../host-platform.js';

/** One image of the archive; it may have several names. */
export interface DockerImage {
  readonly config: Descriptor;
  readonly tags: readonly string[];
  /** From the lowest up; a layer may be there twice. */
  readonly layers: readonly NamedLayer[];
}

type Source = Pick<ContentStore, 'has' | 'read'>;

/** Reads what the archive needs to know of each image. Names of one image come together. */
export async function readDockerImages(
  source: Source,
  images: readonly NamedImage[],
  options: DockerArchiveOptions,
): Promise<readonly DockerImage[]> {
  const found = new Map<Digest, DockerImage>();
  const tagged = new Map<string, Digest>();
  for (const image of images) {
    const tag = tagOf(image);
    const chosen = await choose(source, image, options);
    const { digest } = chosen.descriptor;
    const known = found.get(digest) ?? (await readImage(source, image.name, chosen, options));
    const isNew = tag !== undefined && !tagged.has(tag);
    if (tag !== undefined && !isNew && tagged.get(tag) !== digest) throw twice(tag);
    if (isNew) tagged.set(tag, digest);
    found.set(digest, { ...known, tags: isNew ? [...known.tags, tag] : known.tags });
  }
  return [...found.values()];
}

/** The tag that an image gets, if its name is one. */
function tagOf({ as, renamed }: NamedImage): string | undefined {
  if (!renamed && !safeParseReference(as).ok) return undefined;
  const ref = parseDockerReference(as);
  const name = formatReference(ref);
  if (ref.tag !== undefined && (renamed || name === as)) return name;
  if (!renamed) return undefined;
  throw new ImageError('ERR_OPTION_INVALID', `Cannot name an image ${quote(as)} in a docker-archive: it has no tag`);
}

function twice(tag: string): ImageError {
  return new ImageError('ERR_OPTION_INVALID', `Cannot name two images ${quote(tag)} in a docker-archive`);
}

async function choose(
  source: Source,
  image: NamedImage,
  { platform, signal }: DockerArchiveOptions,
): Promise<ChosenManifest> {
  const chosen = await chooseManifest(source, image, platform ?? hostPlatform(), { signal });
  if (platform !== undefined) await checkPlatform(source, image.name, chosen, platform, { signal });
  return chosen;
}

async function readImage(
  source: Source,
  name: string,
  { descriptor, manifest: { config, layers } }: ChosenManifest,
  { signal }: DockerArchiveOptions,
): Promise<DockerImage> {
  if (!isImageConfigMediaType(normalizeMediaType(config.mediaType))) {
    throw unfit('ERR_OPTION_INVALID', name, `its config is ${quote(config.mediaType)}, which is no image's`);
  }
  await contentsOf(source, name, descriptor, { signal });
  const { maxBytes } = DEFAULT_DOCUMENT_LIMITS;
  const { diffIds } = parseImageConfig(await readContent(source, config, { maxBytes, signal }));
  const named = layers.flatMap((layer, place) => {
    const diffId = diffIds[place];
    return diffId === undefined ? [] : [{ image: name, descriptor: layer, diffId }];
  });
  if (diffIds.length === layers.length) return { config, tags: [], layers: named };
  const reason = `its config names ${diffIds.length} layers, and its manifest ${layers.length}`;
  throw unfit('ERR_REGISTRY_DOCUMENT', name, reason);
}

function unfit(code: 'ERR_OPTION_INVALID' | 'ERR_REGISTRY_DOCUMENT', name: string, reason: string): ImageError {
  return new ImageError(code, `Cannot write ${quote(name)} to a docker-archive: ${reason}`);
}
