import type { EnsureImageResult, ImageVolumeResult, MountingContainerLike } from './manager-types.js';
import type { ImageMount, MountedImage } from './mount-types.js';
import type { ImageSpec } from '../image-service/index.js';

/**
 * The mounts of a container's image volumes, as kubelet gives them to the runtime.
 *
 * @param container - the container; mounts of other volumes are passed over
 * @param volumes - what `ensureImageVolumes` gave for its pod
 * @returns the mounts in the container's order; those whose image is not there are left out
 * @example
 * ```ts
 * import { listImageMounts } from 'kubepull/image-manager';
 *
 * listImageMounts({ name: 'app', volumeMounts: [{ name: 'data', mountPath: '/data' }] }, new Map()); // []
 * ```
 * @see makeMounts in kubernetes pkg/kubelet/kubelet_pods.go
 * @public
 */
export function listImageMounts(
  container: MountingContainerLike,
  volumes: ReadonlyMap<string, ImageVolumeResult>,
): readonly ImageMount[] {
  return (container.volumeMounts ?? []).flatMap(({ name = '', mountPath = '', subPath = '' }) => {
    const image = volumes.get(name)?.image;
    if (image === undefined) return [];
    return [{ containerPath: mountPath, hostPath: '', readonly: true, image, imageSubPath: subPath } as const];
  });
}

/** What keeps a container from starting: its mounts whose image is not there, in their order. */
export function failedMounts(
  container: MountingContainerLike,
  volumes: ReadonlyMap<string, ImageVolumeResult>,
): readonly EnsureImageResult[] {
  const results = (container.volumeMounts ?? []).flatMap(({ name = '' }) => volumes.get(name) ?? []);
  return results.flatMap(({ image, result }) => (image === undefined ? [result] : []));
}

export function mountedImage(
  result: EnsureImageResult,
  reference: string,
  { annotations, runtimeHandler }: Omit<ImageSpec, 'image'>,
): MountedImage | undefined {
  if (result.status !== 'present' && result.status !== 'pulled') return undefined;
  return { image: result.imageRef, userSpecifiedImage: reference, annotations, runtimeHandler };
}
