import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { lintDocument } from './document.js';
import { readImageOption } from '../image/option.js';
import { finding } from '../rules/rules.js';
import type { LintDockerConfigOptions, LintFinding } from '../rules/finding.js';

/**
 * Looks for what is wrong with a docker config: a document that kubelet cannot read, entries that are empty or spoilt,
 * keys that never match, or match more than they seem to.
 *
 * A document that cannot be read is a finding, not an error. With `image`, keys that nearly match it are found too, each
 * with the nearest key that does. Findings of single parts come first, in the order of the document; then what concerns
 * several entries; then the image.
 *
 * @param json - the document, as text or bytes
 * @param options - its format, and an image that it should serve
 * @returns the findings, none for a good document; no user name, password or token is in them
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an unknown format, or an image that is no text
 * @example
 * ```ts
 * import { lintDockerConfig } from 'kubepull/lint';
 *
 * const [finding] = lintDockerConfig('{"auths":{"r.example/*":{"auth":"dXNlcjpwYXNz"}}}');
 * // finding.code is 'KEY_GLOB_IN_PATH', finding.suggestion 'r.example'
 * ```
 * @public
 */
export function lintDockerConfig(
  json: string | Uint8Array,
  options: LintDockerConfigOptions = {},
): readonly LintFinding[] {
  const formats = is.optional(is.oneOf('dockerconfigjson', 'dockercfg'));
  check<LintDockerConfigOptions>('Cannot lint docker config', options, {
    format: formats,
    image: is.optional(is.text),
  });
  const { format = 'dockerconfigjson' } = options;
  const { image, findings } = readImageOption(options.image, 'docker config');
  if (typeof json !== 'string' && !(json instanceof Uint8Array)) {
    return [finding('WRONG_TYPE', '', 'The document should be text or bytes')];
  }
  return [...lintDocument(json, { format, place: '', image }), ...findings];
}
