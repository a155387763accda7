import { ImageError } from '../../errors/index.js';
import { lintImageText } from './text.js';
import { type ImageReference, safeParseReference } from '../../reference/index.js';
import type { LintFinding } from '../rules/finding.js';

/** The image that a caller asks about, or what is wrong with the image. */
export function readImageOption(
  image: string | undefined,
  subject: string,
): { readonly image: ImageReference | undefined; readonly findings: readonly LintFinding[] } {
  if (image === undefined) return { image: undefined, findings: [] };
  if (typeof image !== 'string') {
    throw new ImageError('ERR_OPTION_INVALID', `Cannot lint ${subject}: option image must be text`);
  }
  const parsed = safeParseReference(image);
  if (parsed.ok) return { image: parsed.value, findings: [] };
  return { image: undefined, findings: [...lintImageText(image, 'image')] };
}
