import type { CallOptions } from '../clock/index.js';
import type { DockerConfigEntry } from '../docker-config/index.js';
import type { ImagePulledRecord } from '../pull-policy/index.js';

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
  readonly mountpoint: string;
  /** What images take of it. */
  readonly usedBytes: number;
  readonly inodesUsed: number | undefined;
}

/**
 * CRI's `PodSandboxConfig`, as far as a pull needs it: the pod on whose behalf an image is pulled.
 *
 * @public
 */
export interface PodSandbox {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * CRI's `PullImageRequest`.
 *
 * @public
 */
export interface PullImageRequest {
  readonly image: ImageSpec;
  /** The one credential to show, with its origin; `undefined` to pull as nobody. CRI's `auth` has its user and password. */
  readonly auth: DockerConfigEntry | undefined;
  /** `undefined` when no pod is concerned. */
  readonly sandbox: PodSandbox | undefined;
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
  /** Pulls with one credential, or with none, and gives the `image_ref`, which is the id of the image. */
  pullImage(request: PullImageRequest, options?: CallOptions): Promise<string>;
  listImages(options?: CallOptions): Promise<readonly RuntimeImage[]>;
  /** Removes an image with all its names; a success when there is none. */
  removeImage(image: ImageSpec, options?: CallOptions): Promise<void>;
  imageFsInfo(options?: CallOptions): Promise<readonly ImageFileSystem[]>;
}

/**
 * Keeps what kubelet remembers of its pulls: an intent for each image string while it is pulled, and a record for each
 * image that was.
 *
 * It only reads and writes: what is written, and when, the manager decides. It never has two calls for one image string,
 * or for one `imageRef`, under way at the same time. A call that fails rejects; its error's `message` goes into kubelet's
 * texts.
 *
 * @see PullRecordsAccessor in kubernetes pkg/kubelet/images/pullmanager/interfaces.go, v1.35
 * @public
 */
export interface PulledRecords {
  /** Writes that an image string is about to be pulled; a success when that stands there already. */
  writeIntent(image: string): Promise<void>;
  hasIntent(image: string): Promise<boolean>;
  /** Takes an intent away; a success when there is none. */
  deleteIntent(image: string): Promise<void>;
  /** The image strings of all intents, in any order. */
  listIntents(): Promise<readonly string[]>;
  /** The record of an image id; rejects when there is one that cannot be read or decoded. */
  readRecord(imageRef: string): Promise<ImagePulledRecord | undefined>;
  /** Writes the record of `record.imageRef`, in place of the one before. */
  writeRecord(record: ImagePulledRecord): Promise<void>;
  /** Takes a record away; a success when there is none. */
  deleteRecord(imageRef: string): Promise<void>;
  /** All records that can be read, in any order. */
  listRecords(): Promise<readonly ImagePulledRecord[]>;
}
