/**
 * The parts of Kubernetes API objects that deal with images, as structural types, and the one walk over a pod's images.
 *
 * @packageDocumentation
 */
export {
  type ContainerLike,
  type ImageVolumeLike,
  type JobTemplateLike,
  type LocalObjectReferenceLike,
  type MetadataLike,
  type PodLike,
  type PodSpecLike,
  type PodTemplateLike,
  type PullPolicy,
  type VolumeLike,
  type WorkloadLike,
  type WorkloadListLike,
  type WorkloadSpecLike,
} from './types.js';
export { DEFAULT_RELEASE, type KubernetesRelease, type ReleaseOptions } from './release.js';
export { listPodImages } from './list-pod-images.js';
export { type ImageUser, type ImageUserKind } from './pod-images.js';
