import type { CoreV1Api, V1Pod, V1Secret } from '@kubernetes/client-node';
import { admitServiceAccount, type SecretLike, selectPullSecrets } from 'kubepull/pull-secrets';
import { aboutPod, type RecordEvent } from './events.js';
import { describeError } from './kube-api.js';

export interface SecretReaderOptions {
  readonly serviceAccounts: boolean;
  readonly record: RecordEvent;
  readonly warn: (line: string) => void;
}

export interface SecretReader {
  /** The pull secrets of a pod that can be had. Kubelet goes on without the others, but says so. */
  read(pod: V1Pod): Promise<readonly SecretLike[]>;
}

/** Reads the secrets anew each time, so that one which was put right is seen at the next try. */
export function createSecretReader(core: CoreV1Api, options: SecretReaderOptions): SecretReader {
  const { serviceAccounts, record, warn } = options;
  return {
    async read(pod) {
      const admitted = serviceAccounts ? await admit(core, pod, warn) : pod;
      const secrets = await readSecrets(core, admitted, warn);
      const { found, event } = selectPullSecrets(admitted, secrets);
      if (event !== undefined) record({ involvedObject: aboutPod(pod), ...event });
      return found;
    },
  };
}

async function readSecrets(
  core: CoreV1Api,
  { metadata, spec }: V1Pod,
  warn: SecretReaderOptions['warn'],
): Promise<readonly V1Secret[]> {
  const namespace = metadata?.namespace ?? 'default';
  const names = new Set((spec?.imagePullSecrets ?? []).map(({ name = '' }) => name).filter(Boolean));
  const read = async (name: string): Promise<V1Secret | undefined> => {
    try {
      return await core.readNamespacedSecret({ name, namespace });
    } catch (error) {
      warn(`Cannot read secret ${namespace}/${name}: ${describeError(error)}`);
      return undefined;
    }
  };
  const secrets = await Promise.all([...names].map(read));
  return secrets.filter((secret) => secret !== undefined);
}

/** What the API server does when a pod is made; for one that does not, and for accounts that were changed since. */
async function admit(core: CoreV1Api, pod: V1Pod, warn: SecretReaderOptions['warn']): Promise<V1Pod> {
  const namespace = pod.metadata?.namespace ?? 'default';
  const name = pod.spec?.serviceAccountName || pod.spec?.serviceAccount || 'default';
  try {
    const admission = admitServiceAccount(pod, await core.readNamespacedServiceAccount({ name, namespace }));
    if (admission.allowed) return admission.pod;
    warn(`Pod ${namespace}/${pod.metadata?.name}: ${admission.message}`);
  } catch (error) {
    warn(`Cannot read service account ${namespace}/${name}: ${describeError(error)}`);
  }
  return pod;
}
