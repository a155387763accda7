/**
 * CRI's `ImageSpec` in a mount.
 *
 * @public
 */
export interface MountedImage {
  /** What the runtime gave for the image. */
  readonly image: string;
  /** The image as the pod has it. */
  readonly userSpecifiedImage: string;
  /** All annotations of the pod. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The handler of the pod's RuntimeClass; empty for the default one. */
  readonly runtimeHandler: string;
}

/**
 * CRI's `Mount` of an image volume.
 *
 * @public
 */
export interface ImageMount {
  /** The path in the container. */
  readonly containerPath: string;
  /** Always empty: the runtime mounts `image`, not a path of the host. */
  readonly hostPath: '';
  /** Always `true`: image volumes are read-only. */
  readonly readonly: true;
  /** The image that is mounted, by the runtime's id and as the pod has it. */
  readonly image: MountedImage;
  /** The path in the image that is mounted; empty for all of it. */
  readonly imageSubPath: string;
}
