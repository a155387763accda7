/** For other rooms of this library; not published. */
export { changeAt, findPods, type FoundPod, mapPods, SPEC_PATHS } from './workloads.js';
export { copyWith, mapPodImages, podImages } from './pod-images.js';
export { metadataKind, podKind, releaseKind, serviceAccountKind, workloadKind } from './kinds.js';
export { type ReleaseRules, rulesOf } from './release.js';
export { serviceAccountNameOf } from './service-account.js';
