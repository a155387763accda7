import { ImageError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import type { InvolvedObject, ManagedPodLike, MountingContainerLike } from './manager-types.js';
import type { PodSandbox } from '../image-service/index.js';

const KINDS = ['ephemeralContainers', 'initContainers', 'containers'] as const;

/** A container with the path that kubelet's events name. */
export interface FoundContainer {
  readonly container: MountingContainerLike;
  readonly fieldPath: string;
}

export function findContainer(pod: ManagedPodLike, name: string): FoundContainer {
  for (const kind of KINDS) {
    const container = pod.spec?.[kind]?.find((one: MountingContainerLike | null) => one?.name === name);
    if (container !== undefined) return { container, fieldPath: `spec.${kind}{${name}}` };
  }
  throw new ImageError('ERR_OPTION_INVALID', `Cannot start container ${quote(name)}: the pod has none of that name`);
}

export function sandboxOf({ metadata }: ManagedPodLike): PodSandbox {
  const { namespace = 'default', name = '', uid = '', annotations = {} } = metadata ?? {};
  return { namespace, name, uid, annotations: { ...annotations } };
}

export function involvedObject(pod: ManagedPodLike, fieldPath: string | undefined): InvolvedObject {
  const { namespace, name, uid } = sandboxOf(pod);
  return { apiVersion: 'v1', kind: 'Pod', namespace, name, uid, fieldPath };
}
