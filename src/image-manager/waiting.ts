import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { goQuote } from '../internal/index.js';

/**
 * Why a container waits for its image: the exact strings of `state.waiting.reason`.
 *
 * @public
 */
export type WaitingReason =
  | 'ErrImagePull'
  | 'ImagePullBackOff'
  | 'ErrImageNeverPull'
  | 'InvalidImageName'
  | 'ImageInspectError'
  | 'RegistryUnavailable'
  | 'SignatureValidationFailed';

/**
 * The `state.waiting` of a container, as it stands in the status of its pod.
 *
 * @public
 */
export interface Waiting {
  /** The reason, which `kubectl get pods` shows as the status. */
  readonly reason: WaitingReason;
  /** The message, which `kubectl get pod -o yaml` shows. */
  readonly message: string;
}

/**
 * The waiting state after a pull that failed.
 *
 * The reason depends on how the error text begins, so several different errors, which begin with a bracket, are always
 * `ErrImagePull`.
 *
 * @param image - the image as the pod names it
 * @param errorText - the text of the pull's error, several joined by `aggregateErrorTexts`
 * @returns reason and message
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is not text
 * @example
 * ```ts
 * import { decideWaitingAfterFailure } from 'kubepull/image-manager';
 *
 * decideWaitingAfterFailure('app:1', 'denied'); // { reason: 'ErrImagePull', message: 'denied' }
 * ```
 * @see evalCRIPullErr in kubernetes pkg/kubelet/images/image_manager.go
 * @public
 */
export function decideWaitingAfterFailure(image: string, errorText: string): Waiting {
  check('Cannot decide why it waits', { image, errorText }, { image: is.text, errorText: is.text });
  for (const [reason, cause] of [
    ['RegistryUnavailable', 'the registry is unavailable'],
    ['SignatureValidationFailed', 'the signature validation failed'],
  ] as const) {
    if (!errorText.startsWith(reason)) continue;
    const rest = errorText.slice(reason.length);
    return { reason, message: `image pull failed for ${image} because ${cause}${rest}` };
  }
  return { reason: 'ErrImagePull', message: errorText };
}

/**
 * The waiting state of a container whose image is in back-off.
 *
 * @param image - the image as the pod names it
 * @param previous - what the last attempt ended with, when it is known
 * @returns `ImagePullBackOff`, with the last attempt's reason and message behind kubelet's text
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is not text
 * @example
 * ```ts
 * import { decideWaitingInBackOff } from 'kubepull/image-manager';
 *
 * decideWaitingInBackOff('app:1', { reason: 'ErrImagePull', message: 'denied' }).message;
 * // 'Back-off pulling image "app:1": ErrImagePull: denied'
 * ```
 * @see pullImage in kubernetes pkg/kubelet/images/image_manager.go
 * @public
 */
export function decideWaitingInBackOff(image: string, previous?: Waiting): Waiting {
  const kinds = { image: is.text, previous: is.optional(is.shape({ reason: is.text, message: is.text })) };
  check('Cannot decide why it waits', { image, previous }, kinds);
  const text = `Back-off pulling image ${goQuote(image)}`;
  const message = previous === undefined ? text : `${text}: ${previous.reason}: ${previous.message}`;
  return { reason: 'ImagePullBackOff', message };
}
