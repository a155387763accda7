import type {
  V1Container,
  V1CronJob,
  V1DaemonSet,
  V1Deployment,
  V1Job,
  V1Pod,
  V1PodTemplate,
  V1ReplicaSet,
  V1Secret,
  V1ServiceAccount,
  V1StatefulSet,
} from '@kubernetes/client-node';
import type { ManagedPodLike, MountingContainerLike } from 'kubepull/image-manager';
import type { PodLike, WorkloadLike } from 'kubepull/kubernetes';
import { admitServiceAccount, type SecretLike, type ServiceAccountLike } from 'kubepull/pull-secrets';
import { expectTypeOf } from 'vitest';

// What the Kubernetes client gives is what the library takes, without a cast.
expectTypeOf<V1Pod>().toExtend<PodLike>();
expectTypeOf<V1Pod>().toExtend<ManagedPodLike>();
expectTypeOf<V1Container>().toExtend<MountingContainerLike>();
expectTypeOf<V1Secret>().toExtend<SecretLike>();
expectTypeOf<V1ServiceAccount>().toExtend<ServiceAccountLike>();
expectTypeOf<V1Deployment>().toExtend<WorkloadLike>();
expectTypeOf<V1StatefulSet>().toExtend<WorkloadLike>();
expectTypeOf<V1DaemonSet>().toExtend<WorkloadLike>();
expectTypeOf<V1ReplicaSet>().toExtend<WorkloadLike>();
expectTypeOf<V1Job>().toExtend<WorkloadLike>();
expectTypeOf<V1CronJob>().toExtend<WorkloadLike>();
expectTypeOf<V1PodTemplate>().toExtend<WorkloadLike>();

// And what it makes of them is still the client's.
export function admitted(pod: V1Pod, account: V1ServiceAccount): void {
  const admission = admitServiceAccount(pod, account);
  if (admission.allowed) expectTypeOf(admission.pod).toEqualTypeOf<V1Pod>();
}
