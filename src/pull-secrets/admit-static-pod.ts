import { check } from '../errors/inner.js';
import type { PodLike } from '../kubernetes/index.js';
import { podKind, serviceAccountNameOf } from '../kubernetes/inner.js';
import type { ServiceAccountAdmission } from './admit-service-account.js';
import { namesOf } from './secret-data.js';

/**
 * Does what kubelet does with a static pod, one that it reads from a file or a URL, before it runs it: a pod that names a
 * service account or a pull secret is refused, since kubelet 1.34, and never runs. Its image needs credentials of the node.
 *
 * Other objects that a pod may name, in volumes and environments, are not looked at.
 *
 * @param pod - the pod of the manifest; it is not changed
 * @returns the pod, or kubelet's message
 * @example
 * ```ts
 * import { admitStaticPod } from 'kubepull/pull-secrets';
 *
 * const admission = admitStaticPod({ spec: { imagePullSecrets: [{ name: 'creds' }] } });
 * if (!admission.allowed) admission.message; // 'static pods may not reference secrets'
 * ```
 * @see tryDecodeSinglePod in kubernetes pkg/kubelet/config/common.go, v1.36
 * @public
 */
export function admitStaticPod<P extends PodLike>(pod: P): ServiceAccountAdmission<P> {
  check('Cannot admit a static pod', { pod }, { pod: podKind });
  if (serviceAccountNameOf(pod.spec) !== '') return refuse('serviceaccounts');
  return namesOf(pod.spec?.imagePullSecrets).some((name) => name !== '') ? refuse('secrets') : { allowed: true, pod };
}

function refuse(resource: string): { readonly allowed: false; readonly message: string } {
  return { allowed: false, message: `static pods may not reference ${resource}` };
}
