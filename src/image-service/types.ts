import type { CallOptions } from '../clock/index.js';
import type { DockerConfigEntry } from '../docker-config/index.js';
import type { PullEvent, VerifyImage } from '../puller/index.js';

/**
 * CRI's `ImageSpec`: an image as it is named to a runtime.
 *
 * @public
 */
export interface ImageSpec {
  /** The pod's image string with the default tag, or an image id. */
  readonly image: string;
  /** All annotations of the pod. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The handler of the pod's RuntimeClass; empty for the default one, and while the feature gate is off. */
  readonly runtimeHandler: string;
}

/**
 * CRI's `Image`: an image that a runtime has.
 *
 * @public
 */
export interface RuntimeImage {
  /** The runtime's id of the image, such as the digest of its config. */
  readonly id: string;
  /** Full names with tag. */
  readonly repoTags: readonly string[];
  /** Full names with digest. */
  readonly repoDigests: readonly string[];
  /** In bytes. */
  readonly size: number;
  /** Whether garbage collection has to leave it alone. */
  readonly pinned: boolean;
  /** With which handler it was pulled; empty for the default one. */
  readonly runtimeHandler: string;
}

/**
 * CRI's `FilesystemUsage` of the file system that holds images.
 *
 * @public
 */
export interface ImageFileSystem {
  /** Where the file system is mounted; empty when that is not known. */
  readonly mountpoint: string;
  /** How many bytes images take of it. */
  readonly usedBytes: number;
  /** How many inodes images take; `undefined` when that is not known. */
  readonly inodesUsed: number | undefined;
}

/**
 * CRI's `PodSandboxConfig`, as far as a pull needs it: the pod on whose behalf an image is pulled.
 *
 * @public
 */
export interface PodSandbox {
  /** The namespace of the pod. */
  readonly namespace: string;
  /** The name of the pod. */
  readonly name: string;
  /** The UID of the pod. */
  readonly uid: string;
  /** The annotations of the pod. */
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * CRI's `PullImageRequest`.
 *
 * @public
 */
export interface PullImageRequest {
  /** The image to pull. */
  readonly image: ImageSpec;
  /** The one credential to show, with its origin; `undefined` to pull anonymously. CRI's `auth` has its user and password. */
  readonly auth: DockerConfigEntry | undefined;
  /** `undefined` when no pod is concerned. */
  readonly sandbox: PodSandbox | undefined;
}

/**
 * How a pull of an {@link ImageService} is watched and judged. A service that cannot do so takes no notice.
 *
 * @public
 */
export interface PullCall extends CallOptions {
  /** Hears what happens: the plan, each blob with totals, credentials, retries. It must not throw. @defaultValue none */
  readonly onEvent?: ((event: PullEvent) => void) | undefined;
  /**
   * Judges the image before its config and layers are asked for, besides what the service itself was made with. Only a
   * service with `verifies` asks it.
   *
   * @defaultValue every image is pulled
   */
  readonly verify?: VerifyImage | undefined;
}

/**
 * The plug between the image manager and a runtime, modelled on CRI's `ImageService`.
 *
 * A call that fails rejects with an error whose `message` is the text that kubelet would show for it, because the manager
 * puts it into events and waiting messages as it is. Over gRPC that is `rpc error: code = <Code> desc = <text>`, but for a
 * pull that fails with code Unknown it is the description alone: the implementation has to reduce it, the manager knows
 * nothing of gRPC. Waiting reasons such as `RegistryUnavailable` are found by how this text begins. The service of
 * `kubepull/cri` does all that. An aborted call rejects with the signal's reason. What comes back, an empty `image_ref`, an
 * image without id or size, need not be checked: the manager does.
 *
 * @public
 */
export interface ImageService {
  /** What the runtime knows of an image; `undefined` when it does not have it. */
  imageStatus(image: ImageSpec, options?: CallOptions): Promise<RuntimeImage | undefined>;
  /** Whether `pullImage` asks the `verify` of its options. @defaultValue `false` */
  readonly verifies?: boolean | undefined;
  /** Pulls with one credential, or with none, and gives the `image_ref`, which is the id of the image. */
  pullImage(request: PullImageRequest, options?: PullCall): Promise<string>;
  /** All images that the runtime has. */
  listImages(options?: CallOptions): Promise<readonly RuntimeImage[]>;
  /** Removes an image with all its names; a success when there is none. */
  removeImage(image: ImageSpec, options?: CallOptions): Promise<void>;
  /** The file systems that hold images, with what images take of each. */
  imageFsInfo(options?: CallOptions): Promise<readonly ImageFileSystem[]>;
}
