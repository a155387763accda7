/**
 * CRI's `ImageSpec` in a mount.
 *
 * @public
 */
export interface MountedImage {
  /** What the runtime gave for the image. */
  readonly image: string;
  readonly userSpecifiedImage: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly runtimeHandler: string;
}

/**
 * CRI's `Mount` of an image volume.
 *
 * @public
 */
export interface ImageMount {
  readonly containerPath: string;
  readonly hostPath: '';
  readonly readonly: true;
  readonly image: MountedImage;
  readonly imageSubPath: string;
}
