import { digestAlgorithm } from '../../digest/index.js';
import { ContentMismatchError } from '../../errors/index.js';
import type { Descriptor } from '../../oci/index.js';
import type { FollowedResponse } from '../transport/transport.js';
import { digestHeader } from '../response/headers.js';

/** Refuses that a registry stored something else than it was sent. What it calls by another algorithm cannot be compared. */
export function checkStored(followed: FollowedResponse, sent: Descriptor): void {
  const stored = digestHeader(followed);
  if (stored === undefined || stored === sent.digest || digestAlgorithm(stored) !== digestAlgorithm(sent.digest))
    return;
  throw new ContentMismatchError(
    `Cannot push to ${followed.shown}: the registry stored ${stored} in place of ${sent.digest}`,
    { expected: sent, actual: { digest: stored, size: sent.size } },
  );
}
