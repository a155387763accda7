import { ImageError } from '../../errors/index.js';
import {
  type Descriptor,
  isImageConfigMediaType,
  normalizeMediaType,
  parseImageConfig,
  parseManifest,
} from '../../oci/index.js';
import type { ImageReference } from '../../reference/index.js';
import { readBlob } from './blob-stream.js';
import type { ClientContext } from '../session/context.js';
import { fetchManifest } from './manifests.js';
import type { ChooseOptions, ReadConfig, ReadManifest } from './types.js';

/** Levels of index in index that are followed. */
const MAX_INDEX_DEPTH = 4;
/** An image config is a page of JSON; this is what is read into memory of it. */
const MAX_CONFIG = 4 * 1024 * 1024;

/** What a reference names, read; through as many indexes as `choose` picks from. The reference is resolved once. */
export async function readManifest(
  context: ClientContext,
  ref: ImageReference,
  { choose, signal, descriptor: start }: ChooseOptions,
): Promise<ReadManifest> {
  let descriptor: Descriptor | undefined = start;
  for (let depth = 0; depth <= MAX_INDEX_DEPTH; depth += 1) {
    const fetched = await fetchManifest(context, ref, { descriptor, signal });
    const parsed = parseManifest(fetched.bytes, { mediaType: fetched.descriptor.mediaType });
    const platform = descriptor?.platform;
    const found = platform === undefined ? fetched.descriptor : { ...fetched.descriptor, platform };
    if (parsed.kind === 'manifest' || choose === undefined) return { ...fetched, ...parsed, descriptor: found };
    descriptor = choose(parsed.index);
  }
  throw unreadable(ref, `its indexes are nested deeper than ${MAX_INDEX_DEPTH} levels`);
}

/** The config of what a reference names. */
export async function readConfig(
  context: ClientContext,
  ref: ImageReference,
  options: ChooseOptions,
): Promise<ReadConfig> {
  const found = await readManifest(context, ref, options);
  if (found.kind === 'index') throw unreadable(ref, 'it is an index, and nothing chooses of its entries');
  const { config: descriptor } = found.manifest;
  const bytes = await readBlob(context, ref, descriptor, { signal: options.signal, maxBytes: MAX_CONFIG });
  const isImage = isImageConfigMediaType(normalizeMediaType(descriptor.mediaType));
  const image = isImage ? parseImageConfig(bytes) : undefined;
  const platform = found.descriptor.platform ?? image?.platform;
  const manifest = platform === undefined ? found.descriptor : { ...found.descriptor, platform };
  return { manifest, descriptor, bytes, image, document: found.manifest };
}

function unreadable({ name }: ImageReference, because: string): ImageError<'ERR_REGISTRY_DOCUMENT'> {
  return new ImageError('ERR_REGISTRY_DOCUMENT', `Cannot read the config of ${name}: ${because}`);
}
