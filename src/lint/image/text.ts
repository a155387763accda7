import { hideUserInfo, quote } from '../../internal/index.js';
import type { InvalidReferenceError } from '../../errors/index.js';
import { safeParseReference } from '../../reference/index.js';
import { findPlaceholder } from '../../match/inner.js';
import { finding } from '../rules/rules.js';
import type { LintFinding } from '../rules/finding.js';

/** What is wrong with an image that cannot be parsed; nothing for one that can. The image itself is not shown. */
export function* lintImageText(image: string, place: string): Generator<LintFinding> {
  if (image === '') return yield finding('IMAGE_MISSING', place, 'The image is empty');
  const placeholder = findPlaceholder(hideUserInfo(image));
  if (placeholder !== undefined) {
    return yield finding('IMAGE_PLACEHOLDER', place, `${quote(placeholder)} stands in the image`);
  }
  const trimmed = image.trim();
  const parsed = safeParseReference(trimmed);
  if (trimmed !== image) {
    yield finding('IMAGE_OUTER_SPACE', place, 'White space is at its ends', parsed.ok ? trimmed : undefined);
  }
  if (!parsed.ok) yield finding('IMAGE_INVALID', place, describe(parsed.error, trimmed), suggestionOf(parsed.error));
}

/** Go's text would do, but for those that quote the image, which may have a password in front of its host. */
function describe({ reason, position }: InvalidReferenceError, image: string): string {
  const where = position === undefined ? '' : `, from character ${position + 1} on`;
  if (/["'`\u201c-\u201f\u2018\u2019]/.test(image)) return `The image has quotes in it (${reason}${where})`;
  return `The image breaks the grammar (${reason}${where})`;
}

function suggestionOf({ suggestion }: InvalidReferenceError): string | undefined {
  return suggestion !== undefined && /^[!-~]{1,512}$/.test(suggestion) ? suggestion : undefined;
}
