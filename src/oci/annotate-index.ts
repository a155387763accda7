import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { Digest } from '../digest/index.js';
import { ImageError } from '../errors/index.js';
import { type Descriptor, type Platform, quote } from '../internal/index.js';
import { isDockerMediaType } from './media-types.js';
import type { ImageIndex } from './types.js';

/**
 * What {@link annotateIndex} says anew of an entry; what is left out stays.
 *
 * @public
 */
export interface IndexEntryChange {
  /** The operating system, as Go's `GOOS` spells it. An empty text changes nothing, here and in the next three. */
  readonly os?: string | undefined;
  /** The architecture, as Go's `GOARCH` spells it. */
  readonly architecture?: string | undefined;
  /** The variant of the CPU, such as `v8` of `arm64`. */
  readonly variant?: string | undefined;
  /** The version of the operating system, which Windows images have. */
  readonly osVersion?: string | undefined;
  /** These are added to those that the entry has. */
  readonly osFeatures?: readonly string[] | undefined;
  /** These are added to those that the entry has, or take their place; OCI only. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * Changes what an index says of one of its entries, as `docker manifest annotate` does.
 *
 * Unlike Docker it takes any combination of operating system and architecture: lists of the known ones grow old.
 *
 * @param index - it stays as it is
 * @param digest - the entry to change
 * @param change - what to say of it
 * @returns the changed index
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when there is no such entry, when it would have a platform without
 * operating system or architecture, or annotations in a Docker manifest list
 * @example
 * ```ts
 * import { annotateIndex, type ImageIndex } from 'kubepull/oci';
 *
 * declare const index: ImageIndex;
 * const [first] = index.manifests;
 * if (first !== undefined) annotateIndex(index, first.digest, { architecture: 'arm', variant: 'v7' });
 * ```
 * @see runManifestAnnotate in docker/cli cli/command/manifest/annotate.go
 * @public
 */
export function annotateIndex(index: ImageIndex, digest: Digest, change: IndexEntryChange): ImageIndex {
  const kinds = {
    index: is.shape({ mediaType: is.text, manifests: is.listOf(is.object) }, 'an index'),
    digest: is.text,
  };
  check('Cannot annotate an index', { index, digest }, kinds);
  check<IndexEntryChange>('Cannot annotate an index', change, {
    os: is.optional(is.text),
    architecture: is.optional(is.text),
    variant: is.optional(is.text),
    osVersion: is.optional(is.text),
    osFeatures: is.optional(is.listOf(is.text)),
    annotations: is.optional(is.stringMap),
  });
  if (!index.manifests.some((entry) => entry.digest === digest)) throw refuse(digest, 'the index has no such entry');
  if (change.annotations !== undefined && isDockerMediaType(index.mediaType))
    throw refuse(digest, 'a Docker manifest list has no annotations');
  const changed = (entry: Descriptor): Descriptor => (entry.digest === digest ? changeEntry(entry, change) : entry);
  return { ...index, manifests: index.manifests.map(changed) };
}

function changeEntry(entry: Descriptor, { annotations, ...change }: IndexEntryChange): Descriptor {
  const platform = changePlatform(entry.platform, change);
  if (platform !== undefined && (platform.os === '' || platform.architecture === ''))
    throw refuse(entry.digest, 'its platform needs an os and an architecture');
  return {
    ...entry,
    ...(platform === undefined ? {} : { platform }),
    ...(annotations === undefined ? {} : { annotations: { ...entry.annotations, ...annotations } }),
  };
}

/** Nothing that is said of a platform can be taken back, so an empty text changes nothing, as in Docker. */
function changePlatform(
  platform: Platform | undefined,
  { os, architecture, variant, osVersion, osFeatures = [] }: IndexEntryChange,
): Platform | undefined {
  const texts = Object.entries({ os, architecture, variant, 'os.version': osVersion }).filter(([, text]) =>
    Boolean(text),
  );
  if (texts.length === 0 && osFeatures.length === 0) return platform;
  const features = [...new Set([...(platform?.['os.features'] ?? []), ...osFeatures])];
  return {
    ...(platform ?? { os: '', architecture: '' }),
    ...Object.fromEntries(texts),
    ...(features.length === 0 ? {} : { 'os.features': features }),
  };
}

function refuse(digest: string, reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot annotate ${quote(digest)}: ${reason}`);
}
