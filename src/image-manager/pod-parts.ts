import { ImageError } from '../errors/index.js';
import { check, type Kind } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { quote } from '../internal/index.js';
import { podKind } from '../kubernetes/inner.js';
import type { InvolvedObject, ManagedPodLike, MountingContainerLike, PodImageRequest } from './manager-types.js';
import type { PodSandbox } from '../image-service/index.js';

/** Checks what every request of a pod says, and `members` of its own. Secrets are checked when they are read. */
export function checkRequest(request: PodImageRequest, members: Readonly<Record<string, Kind>>): void {
  const all = { pod: podKind, pullSecrets: is.optional(is.iterable), ...is.callOptions, ...members };
  check('Cannot ensure an image', { request }, { request: is.shape(all) });
}

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
