import { PlatformNotFoundError } from '../errors/index.js';
import type { Platform } from '../oci/index.js';
import { formatPlatform } from './format.js';
import { createPlatformMatcher } from './matcher.js';

/** How the label of an image is taken that no index was asked about. */
export interface LabelRule {
  readonly wanted: Platform;
  /** Whether an image with another label is refused: by option, or because an index has others to choose from. */
  readonly strict: boolean | 'index' | undefined;
  /** What fails then, such as `Cannot pull registry.example.com/app`. */
  readonly action: string;
}

/**
 * Looks at the platform that the config of an image without index names. The config is written by hand often enough, and
 * says nothing of the binaries: containerd and skopeo take such an image whatever stands there.
 *
 * @param label - what the config names, if anything
 * @returns the label when it is another platform than the wanted one
 * @throws {@link PlatformNotFoundError} in that case when the rule is strict
 */
export function checkLabel(
  label: Platform | undefined,
  { wanted, strict = false, action }: LabelRule,
): Platform | undefined {
  if (label === undefined || createPlatformMatcher(wanted).matches(label)) return undefined;
  if (!strict) return label;
  const [want, have] = [formatPlatform(wanted), formatPlatform(label)];
  const cure = strict === 'index' ? '' : '; without the option strictPlatform it is taken all the same';
  throw new PlatformNotFoundError(`${action} for ${want}: the image is for ${have} only${cure}`, wanted, [label]);
}
