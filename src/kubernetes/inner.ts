/** For other rooms of this library; not published. */
export { findPods, type FoundPod, SPEC_PATHS } from './workloads.js';
export { copyWith, type ImageUser, mapPodImages, podImages } from './pod-images.js';
export * as api from './kinds.js';
