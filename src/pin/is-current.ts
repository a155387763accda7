import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { isDigest } from '../digest/index.js';
import { safeParseReference } from '../reference/index.js';

/**
 * What the caller knows of the image by asking its registry.
 *
 * @public
 */
export interface KnownImage {
  /** What the tag names now. A digest in the image itself goes before. @defaultValue not known */
  readonly digest?: string | undefined;
  /** The digests of the manifests in its index; none for an image without index. @defaultValue not known */
  readonly manifests?: readonly string[] | undefined;
  /** The digests of its configs, one for each platform. @defaultValue not known */
  readonly configs?: readonly string[] | undefined;
}

/**
 * Whether a container runs what its image names.
 *
 * @public
 */
export interface CurrentAnswer {
  /** Whether the container runs what its image names; `unknown` when that cannot be told. */
  readonly answer: 'yes' | 'no' | 'unknown';
  /**
   * Of a yes: the same digest (`digest`), that of a manifest in its index (`manifest`), or that of a config (`config`) is in the
   * status. Of a no: another one is, and what is known rules out that it is a part of the image (`other-digest`, `other-config`).
   * Of an unknown: nothing is pulled yet (`not-pulled`), the status is of no known form (`unreadable`), the image is no name
   * (`invalid-image`), it has no digest and none is known (`no-digest`), the other digest may be of a manifest in its index, or of an
   * index around it (`manifests-not-known`), or the status has an id and the configs are not known (`configs-not-known`).
   */
  readonly reason:
    | 'digest'
    | 'manifest'
    | 'config'
    | 'other-digest'
    | 'other-config'
    | 'not-pulled'
    | 'unreadable'
    | 'invalid-image'
    | 'no-digest'
    | 'manifests-not-known'
    | 'configs-not-known';
}

/**
 * Tells whether a container runs what its image names: the digest of the image beside the `imageID` of the container's status.
 *
 * Runtimes write the `imageID` in several forms: `docker.io/library/nginx@sha256:…`, the same behind `docker-pullable://`, or an
 * id alone, `sha256:…`, which is that of the config or, of newer runtimes, that of the manifest or index. Names are not compared: what
 * has the same digest is the same image. Where the forms cannot be compared without more knowledge, the answer is `unknown`.
 *
 * @param image - the image of the container, with a digest, or with what is known
 * @param imageID - `imageID` of its status; empty before the image is pulled
 * @param known - what its registry says of it
 * @returns the answer, and why
 * @throws {@link ImageError} `ERR_OPTION_INVALID`
 * @example
 * ```ts
 * import { isCurrent } from 'kubepull/pin';
 *
 * const digest = `sha256:${'0'.repeat(64)}`;
 * isCurrent(`nginx:1.27@${digest}`, `docker.io/library/nginx@${digest}`); // { answer: 'yes', reason: 'digest' }
 * isCurrent('nginx:1.27', `docker.io/library/nginx@${digest}`).reason; // 'no-digest'
 * ```
 * @public
 */
export function isCurrent(image: string, imageID: string, known: KnownImage = {}): CurrentAnswer {
  check('Cannot compare images', { image, imageID }, { image: is.text, imageID: is.text });
  check<KnownImage>('Cannot compare images', known, {
    digest: is.optional(digestKind),
    manifests: is.optional(is.listOf(digestKind)),
    configs: is.optional(is.listOf(digestKind)),
  });
  const parsed = safeParseReference(image);
  if (!parsed.ok) return { answer: 'unknown', reason: 'invalid-image' };
  if (imageID === '') return { answer: 'unknown', reason: 'not-pulled' };
  const status = readImageId(imageID);
  if (status === undefined) return { answer: 'unknown', reason: 'unreadable' };
  const digest = parsed.value.digest ?? known.digest;
  const { manifests, configs } = known;
  if (status.digest === digest) return { answer: 'yes', reason: 'digest' };
  if (manifests?.includes(status.digest) === true) return { answer: 'yes', reason: 'manifest' };
  if (!status.isNamed && configs?.includes(status.digest) === true) return { answer: 'yes', reason: 'config' };
  if (digest === undefined) return { answer: 'unknown', reason: 'no-digest' };
  if (!status.isNamed && configs === undefined) return { answer: 'unknown', reason: 'configs-not-known' };
  if (manifests === undefined) return { answer: 'unknown', reason: 'manifests-not-known' };
  return { answer: 'no', reason: status.isNamed ? 'other-digest' : 'other-config' };
}

const digestKind: is.Kind = { what: 'a digest', accepts: (value) => typeof value === 'string' && isDigest(value) };

/** The digest in a status, and whether it stands behind a name. */
function readImageId(imageID: string): { readonly digest: string; readonly isNamed: boolean } | undefined {
  const text = imageID.replace(/^docker(?:-pullable)?:\/\//, '');
  const at = text.lastIndexOf('@');
  const last = text.slice(at + 1);
  // An id may come without its algorithm.
  const digest = at < 0 && /^[\da-f]{64}$/.test(last) ? `sha256:${last}` : last;
  return isDigest(digest) ? { digest, isNamed: at >= 0 } : undefined;
}
