import { check } from '../errors/inner.js';
import { podKind } from './kinds.js';
import { type ImageUser, podImages } from './pod-images.js';
import type { WorkloadLike, WorkloadListLike } from './types.js';
import { findPods } from './workloads.js';

/**
 * Lists everything that uses an image in a pod or what makes pods: init containers, containers, ephemeral containers, then
 * image volumes, each in its order.
 *
 * @param object - a pod, a workload such as a Deployment or a CronJob, a List of them, or the documents of a file as a list. Of
 * several objects those that hold no pod are left out
 * @returns the image users, pod by pod, with the place of each in the object
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when there is no pod in the object, or a part of one has a wrong type
 * @example
 * ```ts
 * import { listPodImages } from 'kubepull/kubernetes';
 *
 * const job = { kind: 'Job', spec: { template: { spec: { containers: [{ name: 'run', image: 'busybox:1' }] } } } };
 * listPodImages(job).map(({ path, image }) => `${path}: ${image}`); // ['spec.template.spec.containers[0]: busybox:1']
 * ```
 * @public
 */
export function listPodImages(object: WorkloadLike | WorkloadListLike | readonly unknown[]): readonly ImageUser[] {
  const action = 'Cannot list the images of pods';
  return findPods(object, action).flatMap(({ pod, at, specAt }) => {
    check(action, { pod }, { pod: podKind });
    return podImages(pod.spec, at === '' ? specAt : `${at}.${specAt}`);
  });
}
