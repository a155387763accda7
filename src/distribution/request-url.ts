import { parseDigest } from '../digest/index.js';
import { ImageError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import type { ImageReference } from '../reference/index.js';

/** Where a repository's manifests and blobs are, as a path of the registry's origin. */
export function repositoryPath({ path }: ImageReference): string {
  return `/v2/${path}/`;
}

/** The URL of the manifest that a reference names, by its digest if it has one. */
export function manifestUrl(origin: string, ref: ImageReference): string {
  const { tag = 'latest', digest } = ref;
  if (digest !== undefined) return requestUrl(origin, ref, `manifests/${parseDigest(digest)}`);
  if (!/^[\w.-]{1,128}$/.test(tag)) throw unusable(ref.name, `the tag ${quote(tag)} is none`);
  return requestUrl(origin, ref, `manifests/${tag}`);
}

/** The URL of a blob of a reference's repository. */
export function blobUrl(origin: string, ref: ImageReference, digest: string): string {
  return requestUrl(origin, ref, `blobs/${parseDigest(digest)}`);
}

/**
 * A reference may have been made by hand instead of parsed: a URL that says something else than its parts, because it
 * was normalised, would ask for another repository with this one's credential.
 */
function requestUrl(origin: string, ref: ImageReference, rest: string): string {
  const text = `${origin}${repositoryPath(ref)}${rest}`;
  const grammatical = /^[a-z0-9._/-]{1,255}$/.test(ref.path) && !ref.path.includes('//');
  if (grammatical && !ref.path.startsWith('/') && new URL(text).href === text) return text;
  throw unusable(ref.name, `${quote(ref.path)} is no repository`);
}

function unusable(name: string, because: string): ImageError {
  return new ImageError('ERR_OPTION_INVALID', `Cannot ask for ${quote(name)}: ${because}`);
}
