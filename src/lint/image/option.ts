import { ImageError } from '../../errors/index.js';
import { lintImageText } from './text.js';
import { safeParseReference } from '../../reference/index.js';
import type { LintFinding } from '../rules/finding.js';

/** The repository of the image that a caller asks about, or what is wrong with the image. */
export function readImageOption(
  image: string | undefined,
  subject: string,
): { readonly repository: string | undefined; readonly findings: readonly LintFinding[] } {
  if (image === undefined) return { repository: undefined, findings: [] };
  if (typeof image !== 'string') {
    throw new ImageError('ERR_OPTION_INVALID', `Cannot lint ${subject}: option image must be text`);
  }
  const parsed = safeParseReference(image);
  if (parsed.ok) return { repository: parsed.value.name, findings: [] };
  return { repository: undefined, findings: [...lintImageText(image, 'image')] };
}
