import { InvalidReferenceError, type Result } from '../errors/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { ReleaseOptions } from '../kubernetes/index.js';
import { rulesOf } from '../kubernetes/inner.js';
import { type ImageReference, parseRawReference, safeParseReference } from '../reference/index.js';

export type NameResult = Result<string, InvalidReferenceError>;

/** The text of an image without tag and digest. Nothing is filled in, neither `docker.io` nor `library/`. */
export function bareName(image: string): NameResult {
  try {
    return { ok: true, value: parseRawReference(image).name };
  } catch (error) {
    if (error instanceof InvalidReferenceError) return { ok: false, error };
    throw error;
  }
}

/** The full name of an image's repository. */
export function repositoryOf(image: string): NameResult {
  const parsed = safeParseReference(image);
  return parsed.ok ? { ok: true, value: parsed.value.name } : parsed;
}

/**
 * The name under which kubelet records that an image was pulled, and looks for it in the record later.
 *
 * Since 1.36 it is the image as the pod writes it, without tag and digest: what was pulled as `nginx:1` has to be verified
 * for a pod that asks for `docker.io/library/nginx:1`. Up to 1.35 it is the full name of the repository. So a record that
 * 1.35 wrote for a short name is not found by 1.36, and the image is verified once more.
 *
 * @param image - the pod's image string
 * @param options - whose rules count
 * @returns the name, for {@link recordPull}
 * @throws {@link ImageError} `ERR_REFERENCE_INVALID` for an image that has no name, `ERR_OPTION_INVALID` for a release that is
 * not known
 * @example
 * ```ts
 * import { toRecordedName } from 'kubepull/image-access';
 *
 * toRecordedName('nginx:1'); // 'nginx'
 * toRecordedName('nginx:1', { release: '1.35' }); // 'docker.io/library/nginx'
 * ```
 * @see recordImagePulled and trimImageTagDigest in kubernetes pkg/kubelet/images/pullmanager/image_pull_manager.go, v1.36
 * @public
 */
export function toRecordedName(image: string, options: ReleaseOptions = {}): string {
  check('Cannot name what is recorded', { image }, { image: is.text });
  const name = tryRecordedName(image, options);
  if (name.ok) return name.value;
  throw name.error;
}

/** The same without throwing what an image's name may be at fault for. */
export function tryRecordedName(image: string, options: ReleaseOptions): NameResult {
  return rulesOf(options).accessName === 'bare' ? bareName(image) : repositoryOf(image);
}

/** The same of an image that is parsed already. */
export function recordedNameOf(ref: ImageReference, options: ReleaseOptions): string {
  return rulesOf(options).accessName === 'bare' ? bareNameOf(ref) : ref.name;
}

/** The text without the tag and the digest that are written in it. */
export function bareNameOf({ input, tag, digest }: ImageReference): string {
  const tagged = digest === undefined ? input : input.slice(0, -digest.length - 1);
  return tag !== undefined && tagged.endsWith(`:${tag}`) ? tagged.slice(0, -tag.length - 1) : tagged;
}

/**
 * What an allow list is compared with: the name as it is recorded, but up to 1.35 the whole text. What cannot be parsed is
 * compared as it stands.
 */
export function comparedName(image: string, nameOf: () => NameResult, options: ReleaseOptions): string {
  if (rulesOf(options).accessName !== 'bare') return image;
  const name = nameOf();
  return name.ok ? name.value : image;
}
