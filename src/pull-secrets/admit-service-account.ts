import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { podKind, serviceAccountKind, serviceAccountNameOf } from '../kubernetes/inner.js';
import { printable, goQuote } from '../internal/index.js';
import type { MetadataLike, PodLike } from '../kubernetes/index.js';
import { namesOf, namespaceOf } from './secret-data.js';
import type { ServiceAccountLike } from './types.js';

/**
 * What admission makes of a pod: the pod as it is stored, or the reason why it is forbidden.
 *
 * @public
 */
export type ServiceAccountAdmission<P extends PodLike> =
  { readonly allowed: true; readonly pod: P } | { readonly allowed: false; readonly message: string };

const MIRROR = 'kubernetes.io/config.mirror';
const ENFORCE = 'kubernetes.io/enforce-mountable-secrets';
const TRUE = /^(?:1|t|T|true|TRUE|True)$/;

/**
 * Does what the API server's `ServiceAccount` plugin does with the pull secrets of a new pod.
 *
 * The deprecated field `serviceAccount` names the account where the other does not; a pod that has it gets the same name in
 * both. A pod without pull secrets gets a copy of its service account's list, in the same order, with empty names and
 * duplicates; a pod that has at least one entry keeps its own list, nothing is merged. Mirror pods are not changed, and may
 * name neither a service account nor a pull secret. Secrets in volumes and environments are not looked at.
 *
 * @param pod - the pod as sent; it is not changed
 * @param serviceAccount - the account that the pod names (`default` when it names none); `undefined` when there is none
 * @returns the pod with its lists filled in, or the server's message without its lead `pods "…" is forbidden:`
 * @example
 * ```ts
 * import type { PodLike } from 'kubepull/kubernetes';
 * import { admitServiceAccount } from 'kubepull/pull-secrets';
 *
 * const account = { metadata: { name: 'default' }, imagePullSecrets: [{ name: 'creds' }] };
 * const pod: PodLike = { spec: { containers: [{ name: 'web', image: 'nginx' }] } };
 * const admission = admitServiceAccount(pod, account);
 * if (admission.allowed) admission.pod.spec?.imagePullSecrets; // [{ name: 'creds' }]
 * ```
 * @see Admit in kubernetes plugin/pkg/admission/serviceaccount/admission.go
 * @public
 */
export function admitServiceAccount<P extends PodLike>(
  pod: P,
  serviceAccount: ServiceAccountLike | undefined,
): ServiceAccountAdmission<P> {
  const kinds = { pod: podKind, serviceAccount: is.optional(serviceAccountKind) };
  check('Cannot admit a pod', { pod, serviceAccount }, kinds);
  if (annotation(pod.metadata, MIRROR) !== undefined) return admitMirrorPod(pod);
  const name = serviceAccountNameOf(pod.spec) || 'default';
  if (serviceAccount === undefined) return forbid(notFound(namespaceOf(pod.metadata), name));
  const own = namesOf(pod.spec?.imagePullSecrets);
  const given = namesOf(serviceAccount.imagePullSecrets);
  const imagePullSecrets = own.length > 0 ? pod.spec?.imagePullSecrets : given.map((secret) => ({ name: secret }));
  if (TRUE.test(annotation(serviceAccount.metadata, ENFORCE) ?? '')) {
    const referenced = new Set(given);
    const index = own.findIndex((secret) => !referenced.has(secret));
    if (index >= 0) return forbid(notReferenced(index, own[index] ?? '', serviceAccount.metadata?.name ?? name));
  }
  const names = {
    serviceAccountName: name,
    ...(pod.spec?.serviceAccount === undefined ? {} : { serviceAccount: name }),
  };
  return { allowed: true, pod: { ...pod, spec: { ...pod.spec, ...names, imagePullSecrets } } };
}

function admitMirrorPod<P extends PodLike>(pod: P): ServiceAccountAdmission<P> {
  if (serviceAccountNameOf(pod.spec) !== '') return forbid('a mirror pod may not reference service accounts');
  const hasSecrets = namesOf(pod.spec?.imagePullSecrets).some((name) => name !== '');
  return hasSecrets ? forbid('a mirror pod may not reference secrets') : { allowed: true, pod };
}

function annotation(metadata: MetadataLike | undefined, key: string): string | undefined {
  const annotations = metadata?.annotations ?? {};
  return Object.hasOwn(annotations, key) ? annotations[key] : undefined;
}

function forbid(message: string): { readonly allowed: false; readonly message: string } {
  return { allowed: false, message };
}

function notFound(namespace: string, name: string): string {
  return printable(`error looking up service account ${namespace}/${name}: serviceaccount ${goQuote(name)} not found`);
}

function notReferenced(index: number, name: string, account: string): string {
  return (
    `imagePullSecrets[${index}].name="${printable(name)}" is not allowed because service account ` +
    `${printable(account)} does not reference that imagePullSecret`
  );
}
