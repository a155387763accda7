import { parseDigest } from '../../digest/index.js';
import { ImageError } from '../../errors/index.js';
import { quote } from '../../internal/index.js';
import type { ImageReference } from '../../reference/index.js';

/** Where the API of a registry or mirror begins. */
export interface ApiBase {
  /** Such as `https://registry.example.com`. */
  readonly origin: string;
  /**
   * The path of the API there.
   *
   * @defaultValue `/v2`
   */
  readonly apiPath?: string | undefined;
  /** The registry to name in the query `ns`, for a mirror that serves several. */
  readonly namespace?: string | undefined;
}

/** Where a repository's manifests and blobs are, as a path of the registry's origin. */
export function repositoryPath({ path }: ImageReference, { apiPath = '/v2' }: Partial<ApiBase> = {}): string {
  return `${apiPath}/${path}/`;
}

/** The URL of the manifest that a reference names, by its digest if it has one. */
export function manifestUrl(base: ApiBase, ref: ImageReference): string {
  const { tag = 'latest', digest } = ref;
  if (digest !== undefined) return requestUrl(base, ref, `manifests/${parseDigest(digest)}`);
  if (!/^[\w.-]{1,128}$/.test(tag)) throw unusable(ref.name, `the tag ${quote(tag)} is none`);
  return requestUrl(base, ref, `manifests/${tag}`);
}

/** The URL of a blob of a reference's repository. */
export function blobUrl(base: ApiBase, ref: ImageReference, digest: string): string {
  return requestUrl(base, ref, `blobs/${parseDigest(digest)}`);
}

/**
 * The URL of anything else in a reference's repository.
 *
 * A reference may have been made by hand instead of parsed: a URL that says something else than its parts, because it
 * was normalised, would ask for another repository with this one's credential.
 *
 * @param rest - such as `tags/list`; without escapes
 * @param query - what is asked for of it
 */
export function requestUrl(
  base: ApiBase,
  ref: ImageReference,
  rest: string,
  query: Readonly<Record<string, string>> = {},
): string {
  const text = `${base.origin}${repositoryPath(ref, base)}${rest}`;
  const grammatical = /^[a-z0-9._/-]{1,255}$/.test(ref.path) && !ref.path.includes('//');
  if (!grammatical || ref.path.startsWith('/') || new URL(text).href !== text)
    throw unusable(ref.name, `${quote(ref.path)} is no repository`);
  const namespace = base.namespace === undefined ? {} : { ns: base.namespace };
  const asked = new URLSearchParams({ ...query, ...namespace }).toString();
  return asked === '' ? text : `${text}?${asked}`;
}

function unusable(name: string, because: string): ImageError {
  return new ImageError('ERR_OPTION_INVALID', `Cannot ask for ${quote(name)}: ${because}`);
}
