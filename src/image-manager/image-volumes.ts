import { check, type Kind } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { EnsureImageResult, ImageVolumeResult, MountingContainerLike, VolumeMountLike } from './manager-types.js';
import type { ImageMount, MountedImage } from './mount-types.js';
import type { ImageSpec } from '../image-service/index.js';

/**
 * The mounts of a container's image volumes, as kubelet gives them to the runtime.
 *
 * @param container - the container; mounts of other volumes are passed over
 * @param volumes - what `ensureImageVolumes` gave for its pod
 * @returns the mounts in the container's order; those whose image is not there are left out
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for what is not a container, or not a map
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
  check('Cannot list mounts', { container, volumes }, { container: containerKind, volumes: volumesKind });
  return mountsOf(container).flatMap(({ name, mountPath, subPath }) => {
    const image = volumes.get(name ?? '')?.image;
    if (image === undefined) return [];
    const [containerPath, imageSubPath] = [mountPath ?? '', subPath ?? ''];
    return [{ containerPath, hostPath: '', readonly: true, image, imageSubPath } as const];
  });
}

/** Of `ensureImageVolumes`. */
export const volumesKind: Kind = /* @__PURE__ */ is.having('a map of volumes by name', 'get');

const text = /* @__PURE__ */ is.nullable(is.text);
const containerKind = /* @__PURE__ */ is.shape(
  {
    volumeMounts: /* @__PURE__ */ is.nullable(
      /* @__PURE__ */ is.listOf(
        /* @__PURE__ */ is.nullable(/* @__PURE__ */ is.shape({ name: text, mountPath: text, subPath: text })),
      ),
    ),
  },
  'a container',
);

/** YAML may have `null` for all of a mount, and for each part of it. */
function mountsOf({ volumeMounts }: MountingContainerLike): readonly VolumeMountLike[] {
  return ((volumeMounts ?? []) as readonly (VolumeMountLike | null)[]).filter((mount) => mount !== null);
}

/** What keeps a container from starting: its mounts whose image is not there, in their order. */
export function failedMounts(
  container: MountingContainerLike,
  volumes: ReadonlyMap<string, ImageVolumeResult>,
): readonly EnsureImageResult[] {
  const results = mountsOf(container).flatMap(({ name }) => volumes.get(name ?? '') ?? []);
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
