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
  /** Annotations of the pod, for the runtime. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The runtime handler that it was pulled for; empty for the default one. */
  readonly runtimeHandler: string;
}

/**
 * CRI's `Mount` of an image volume.
 *
 * @public
 */
export interface ImageMount {
  /** The place in the container. */
  readonly containerPath: string;
  /** Always empty: the runtime finds the image by `image`. */
  readonly hostPath: '';
  /** Always true: an image is never written to. */
  readonly readonly: true;
  /** The image that is mounted. */
  readonly image: MountedImage;
  /** The folder of the image that is mounted; empty for all of it. */
  readonly imageSubPath: string;
}
