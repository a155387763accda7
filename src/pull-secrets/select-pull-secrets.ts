import { check } from '../errors/inner.js';
import { podKind } from '../kubernetes/inner.js';
import { printable } from '../internal/index.js';
import type { PodLike, ReleaseOptions } from '../kubernetes/index.js';
import { rulesOf } from '../kubernetes/inner.js';
import { checkSecrets, namesOf, namespaceOf } from './secret-data.js';
import type { MissingSecretsEvent, SecretLike, SelectedPullSecrets } from './types.js';

/**
 * Picks the secrets that a pod names in `imagePullSecrets`, in that order.
 *
 * Only secrets of the pod's namespace count; an absent namespace is `default`. Empty names are skipped, and a name that
 * is listed twice gives its secret twice. Nothing is said of the content: see {@link mergePullSecrets}. Of two secrets
 * with one name the later counts, as if both had been applied.
 *
 * @param pod - the pod; the service account has no part in it once the pod exists, see {@link admitServiceAccount}
 * @param secrets - the secrets at hand, of any namespace and type
 * @param options - whose rules count
 * @returns the secrets, of the caller's own type; the names that were not found, and kubelet's event for those
 * @example
 * ```ts
 * import { selectPullSecrets } from 'kubepull/pull-secrets';
 *
 * selectPullSecrets({ spec: { imagePullSecrets: [{ name: 'creds' }] } }, []).missing; // ['creds']
 * ```
 * @see getPullSecretsForPod in kubernetes pkg/kubelet/kubelet_pods.go
 * @public
 */
export function selectPullSecrets<S extends SecretLike>(
  pod: PodLike,
  secrets: Iterable<S>,
  options: ReleaseOptions = {},
): SelectedPullSecrets<S> {
  check('Cannot select pull secrets', { pod }, { pod: podKind });
  const { missingSecrets: eventWhen } = rulesOf(options);
  const byName = new Map<string, S>();
  for (const secret of checkSecrets(secrets)) {
    if (namespaceOf(secret.metadata) === namespaceOf(pod.metadata)) byName.set(secret.metadata?.name ?? '', secret);
  }
  const found: S[] = [];
  const missing: string[] = [];
  for (const name of namesOf(pod.spec?.imagePullSecrets)) {
    const secret = byName.get(name);
    if (name === '') continue;
    if (secret === undefined) missing.push(name);
    else found.push(secret);
  }
  return { found, missing, event: missing.length === 0 ? undefined : missingEvent(missing), eventWhen };
}

function missingEvent(names: readonly string[]): MissingSecretsEvent {
  const list = names.map((name) => printable(name)).join(', ');
  const message = `Unable to retrieve some image pull secrets (${list}); attempting to pull the image may not succeed.`;
  return { type: 'Warning', reason: 'FailedToRetrieveImagePullSecret', message };
}
