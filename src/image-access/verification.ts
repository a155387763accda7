import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import * as kinds from './kinds.js';
import { ImageError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import type { ReleaseOptions } from '../kubernetes/index.js';
import { comparedName, tryRecordedName } from './access-name.js';
import { type AllowlistPattern, findPattern } from './allowlist.js';

/**
 * Kubelet's `imagePullCredentialsVerificationPolicy`: for which present images a pod must show credentials.
 *
 * @public
 */
export type CredentialVerificationPolicy =
  'NeverVerify' | 'NeverVerifyPreloadedImages' | 'NeverVerifyAllowlistedImages' | 'AlwaysVerify';

/**
 * What kubelet takes when its configuration names no policy and the feature is on.
 *
 * @public
 */
export const DEFAULT_VERIFICATION_POLICY: CredentialVerificationPolicy = 'NeverVerifyPreloadedImages';

/**
 * How kubelet is configured to verify credentials for present images.
 *
 * @public
 */
export interface VerificationOptions extends ReleaseOptions {
  /** For which images on the node a pod must show credentials. @defaultValue `'NeverVerifyPreloadedImages'` */
  readonly policy?: CredentialVerificationPolicy | undefined;
  /** `preloadedImagesVerificationAllowlist`, parsed; used by `NeverVerifyAllowlistedImages` only. Empty by default. */
  readonly allowlist?: readonly AllowlistPattern[] | undefined;
}

/**
 * Tells whether a pod must show credentials before it may use an image that is on the node.
 *
 * `NeverVerifyAllowlistedImages` does not ask who pulled the image, although the documentation says so.
 *
 * @param image - the pod's image string
 * @param pulledByKubelet - whether kubelet has a record of pulling it, or of meaning to
 * @param options - the configuration
 * @returns whether credentials are verified
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a policy that does not exist; kubelet does not start with it
 * @example
 * ```ts
 * import { requiresCredentialVerification } from 'kubepull/image-access';
 *
 * requiresCredentialVerification('app:1', false); // false: it was there before kubelet
 * requiresCredentialVerification('app:1', true); // true
 * ```
 * @see RequireCredentialVerificationForImage in kubernetes pkg/kubelet/images/pullmanager/image_pull_policies.go, v1.35
 * @public
 */
export function requiresCredentialVerification(
  image: string,
  pulledByKubelet: boolean,
  options: VerificationOptions = {},
): boolean {
  check('Cannot verify', { image, pulledByKubelet }, { image: is.text, pulledByKubelet: is.bool });
  check<VerificationOptions>('Cannot verify', options, { ...kinds.verification, policy: is.optional(is.text) });
  return isVerified(pulledByKubelet, options, () =>
    comparedName(image, () => tryRecordedName(image, options), options),
  );
}

/** The same; what an allow list is compared with is asked for only if there is need. */
export function isVerified(
  pulledByKubelet: boolean,
  { policy = DEFAULT_VERIFICATION_POLICY, allowlist = [] }: VerificationOptions,
  compared: () => string,
): boolean {
  switch (policy) {
    case 'NeverVerify':
      return false;
    case 'NeverVerifyPreloadedImages':
      return pulledByKubelet;
    case 'NeverVerifyAllowlistedImages':
      return findPattern(allowlist, compared()) === undefined;
    case 'AlwaysVerify':
      return true;
    default:
      throw unknownPolicy(policy);
  }
}

function unknownPolicy(policy: unknown): ImageError<'ERR_OPTION_INVALID'> {
  const name = quote(String(policy));
  const reason = 'unknown image pull credential verification policy';
  return new ImageError('ERR_OPTION_INVALID', `Cannot verify with policy ${name}: ${reason}`);
}
