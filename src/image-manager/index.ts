/**
 * Kubelet's image manager: what a node does with the image of a container, and what it says about it, to the letter.
 *
 * @packageDocumentation
 */
export { formatGoDuration } from './duration.js';
export { type PodEvent, createPullStepEvent, type PullStep } from './events.js';
export { type Waiting, decideWaitingAfterFailure, decideWaitingInBackOff, type WaitingReason } from './waiting.js';
export {
  DEFAULT_REGISTRY_BURST,
  DEFAULT_REGISTRY_PULL_QPS,
  type ImageFeatureGates,
  type PullConfiguration,
} from './configuration.js';
export { type NodeKeyring } from './credentials.js';
export {
  type ContainerImageRequest,
  type EnsureImageRequest,
  type EnsureImageResult,
  type ImageEvent,
  type ImageManager,
  type ImageManagerStats,
  type ImageVolumeResult,
  type InvolvedObject,
  type ManagedPodLike,
  type ManagedPodSpecLike,
  type MountingContainerLike,
  type PodImageRequest,
  type VolumeMountLike,
} from './manager-types.js';
export { type ImageManagerOptions, type ImagePullEvent } from './manager-options.js';
export { type ImageMount, type MountedImage } from './mount-types.js';
export { createImageManager } from './create-image-manager.js';
export { listImageMounts } from './image-volumes.js';
export { prepullImages, type PrePulledImage, type PrePullOptions, type PrePullReport } from './pre-pull.js';
