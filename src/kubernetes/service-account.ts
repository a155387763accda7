import type { PodSpecLike } from './types.js';

/** The service account that a pod names, by the field of today or by the deprecated one; empty for none. */
export function serviceAccountNameOf(spec: PodSpecLike | undefined): string {
  return spec?.serviceAccountName || spec?.serviceAccount || '';
}
