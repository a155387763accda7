import { checkFast } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { ImageError } from '../errors/index.js';
import type { ImageName, ImageReference } from './types.js';

/**
 * The parts of a reference that its text is made of.
 *
 * @public
 */
export type ReferenceText = Pick<ImageReference, 'domain' | 'path' | 'tag' | 'digest'>;

/**
 * Writes a reference as text, with its tag and its digest where it has them.
 *
 * `canonical` has the whole name and parses back to the same reference. `familiar` is for people: `docker.io` and a
 * `library/` before one component are left out. A few names on Docker Hub mean something else when written so, and must
 * not be parsed again: those of 64 hex digits, which read as an image id, and those whose first component looks like a
 * host, such as `docker.io/foo.bar/app`.
 *
 * @param ref - the reference
 * @param form - defaults to `canonical`
 * @returns the text
 * @example
 * ```ts
 * import { formatReference, parseReference } from 'kubepull/reference';
 *
 * const ref = parseReference('nginx:1.27');
 * formatReference(ref); // 'docker.io/library/nginx:1.27'
 * formatReference(ref, 'familiar'); // 'nginx:1.27'
 * ```
 * @see Reference.String, FamiliarString in distribution/reference v0.6.0
 * @public
 */
export function formatReference(ref: ReferenceText, form: 'canonical' | 'familiar' = 'canonical'): string {
  checkFast('Cannot format a reference', 'ref', ref, is.referenceText);
  if (form !== 'canonical') checkFast('Cannot format a reference', 'form', form, is.oneOf('canonical', 'familiar'));
  const name = form === 'familiar' ? familiarName(ref) : canonicalName(ref);
  const tag = ref.tag === undefined ? '' : `:${ref.tag}`;
  const digest = ref.digest === undefined ? '' : `@${ref.digest}`;
  return name + tag + digest;
}

/**
 * A parsed name as the text that keys are compared with. Text in its place, which only a caller without types can pass, may
 * have a tag and would silently match less: it is refused.
 *
 * @throws ImageError `ERR_OPTION_INVALID`
 */
export function imageNameText(image: ImageName): string {
  const { domain, path } = (image ?? {}) as Partial<ImageName>;
  if (typeof domain === 'string' && typeof path === 'string') return canonicalName({ domain, path });
  throw new ImageError(
    'ERR_OPTION_INVALID',
    'Cannot look up credentials: the image must be a parsed name; pass parseImageName(image) instead of its text',
  );
}

function canonicalName({ domain, path }: ImageName): string {
  return domain === '' ? path : `${domain}/${path}`;
}

function familiarName(ref: ReferenceText): string {
  return ref.domain === 'docker.io' ? ref.path.replace(/^library\/(?=[^/]+$)/, '') : canonicalName(ref);
}
