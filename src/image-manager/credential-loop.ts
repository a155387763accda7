import type { CallOptions } from '../clock/index.js';
import { aggregate } from '../internal/index.js';
import type { CredentialCandidate } from '../keyring/index.js';
import { asError, errorText, rethrowAbort } from '../errors/inner.js';
import { pullOnce } from '../image-service/inner.js';
import type { ImageService, PullImageRequest } from '../image-service/index.js';

/** What came of a pull with all credentials. */
export type LoopOutcome =
  | { readonly ok: true; readonly imageRef: string; readonly used: CredentialCandidate | undefined }
  | { readonly ok: false; readonly text: string; readonly errors: readonly Error[] };

/**
 * One credential after the other, whatever the error; an anonymous pull only when there is none.
 *
 * @see PullImage in kubernetes pkg/kubelet/kuberuntime/kuberuntime_image.go
 */
export async function pullWithEach(
  images: ImageService,
  candidates: readonly CredentialCandidate[],
  request: Omit<PullImageRequest, 'auth'>,
  { signal }: CallOptions,
): Promise<LoopOutcome> {
  const errors: Error[] = [];
  const attempts = candidates.length === 0 ? [undefined] : candidates;
  for (const used of attempts) {
    try {
      const imageRef = await pullOnce(images, { ...request, auth: used?.entry }, { signal });
      return { ok: true, imageRef, used };
    } catch (error) {
      rethrowAbort(signal);
      errors.push(asError(error));
    }
  }
  return { ok: false, text: aggregate(errors.map(errorText)), errors };
}
