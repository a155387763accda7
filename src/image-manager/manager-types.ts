import type { CallOptions } from '../clock/index.js';
import type { CredentialSource } from '../docker-config/index.js';
import type { ContainerLike, PodLike, PodSpecLike } from '../kubernetes/index.js';
import type { SecretLike } from '../pull-secrets/index.js';
import type { PodEvent } from './events.js';
import type { MountedImage } from './mount-types.js';
import type { WaitingReason } from './waiting.js';

/**
 * What an event is about, in the fields of a Kubernetes Event.
 *
 * @public
 */
export interface InvolvedObject {
  /** The API version of a pod. */
  readonly apiVersion: 'v1';
  /** The kind of a pod: events are about no other object. */
  readonly kind: 'Pod';
  /** The namespace of the pod. */
  readonly namespace: string;
  /** The name of the pod. */
  readonly name: string;
  /** The UID of the pod. */
  readonly uid: string;
  /** Such as `spec.containers{app}`; `undefined` for the pod itself. */
  readonly fieldPath: string | undefined;
}

/**
 * An event of the image manager.
 *
 * @public
 */
export interface ImageEvent extends PodEvent {
  /** The pod that the event is about, with the field of its container. */
  readonly involvedObject: InvolvedObject;
}

/**
 * A container, with the mounts that tell which image volumes it needs.
 *
 * @public
 */
export interface MountingContainerLike extends ContainerLike {
  /** The volumes that the container mounts; those that are no image volumes are passed over. */
  readonly volumeMounts?: readonly VolumeMountLike[] | undefined;
}

/**
 * A mount of a volume into a container.
 *
 * @public
 */
export interface VolumeMountLike {
  /** The name of the volume in the pod. */
  readonly name?: string | undefined;
  /** The path in the container. */
  readonly mountPath?: string | undefined;
  /** The path in the volume that is mounted; absent or empty for all of it. */
  readonly subPath?: string | undefined;
}

/**
 * A pod, as far as the image manager reads one.
 *
 * @public
 */
export interface ManagedPodLike extends PodLike {
  /** The containers, the image volumes and the pull secrets of the pod. */
  readonly spec?: ManagedPodSpecLike | undefined;
}

/**
 * The `spec` of a {@link ManagedPodLike}.
 *
 * @public
 */
export interface ManagedPodSpecLike extends PodSpecLike {
  /** The regular containers. */
  readonly containers?: readonly MountingContainerLike[] | undefined;
  /** The init containers, sidecars included. */
  readonly initContainers?: readonly MountingContainerLike[] | undefined;
  /** The ephemeral containers, such as `kubectl debug` adds. */
  readonly ephemeralContainers?: readonly MountingContainerLike[] | undefined;
  /** The RuntimeClass; read only while the gate `RuntimeClassInImageCriApi` is on. */
  readonly runtimeClassName?: string | undefined;
}

/**
 * What every request of a pod says.
 *
 * @public
 */
export interface PodImageRequest extends CallOptions {
  /** The pod that the image is for. */
  readonly pod: ManagedPodLike;
  /** The pod's pull secrets, fetched: `found` of `selectPullSecrets`. They are read only when they are needed. */
  readonly pullSecrets?: Iterable<SecretLike> | undefined;
}

/**
 * A pod's wish for an image.
 *
 * @public
 */
export interface EnsureImageRequest extends PodImageRequest {
  /** As the pod has it. */
  readonly image: string;
  /** The pull policy of the container or image volume. @defaultValue what the API server fills in for the image */
  readonly pullPolicy?: string | undefined;
  /** The part of the pod that events are about. @defaultValue the pod itself */
  readonly fieldPath?: string | undefined;
}

/**
 * The start of a container, as far as its image goes.
 *
 * @public
 */
export interface ContainerImageRequest extends PodImageRequest {
  /** The name of a container of any kind. */
  readonly container: string;
  /** What `ensureImageVolumes` gave for this pod: volumes that the container mounts must be there. */
  readonly volumes?: ReadonlyMap<string, ImageVolumeResult> | undefined;
}

/**
 * What came of it: the image is `present`, was `pulled`, or the container is `waiting` for the reason that kubelet shows.
 * `error` is a failure for which kubelet has no reason of its own and shows the error's text as reason: a malformed pull
 * secret, an intent that could not be written, or a RuntimeClass that was not found.
 *
 * @public
 */
export type EnsureImageResult =
  | { readonly status: 'present'; readonly imageRef: string; readonly message: string }
  | {
      readonly status: 'pulled';
      readonly imageRef: string;
      /** Where the accepted credential came from. */
      readonly source: CredentialSource;
      /** How long the pull took, in milliseconds. */
      readonly pullMs: number;
      /** The same with the time in the queue. */
      readonly totalMs: number;
      /** In bytes; 0 when the runtime could not tell. */
      readonly size: number;
    }
  | {
      readonly status: 'waiting';
      readonly reason: WaitingReason;
      readonly message: string;
      /** How long nothing will be pulled, in milliseconds from now; 0 when every call tries again. */
      readonly retryAfterMs: number;
      /** What failed, in the order of the credentials; empty when nothing was tried. */
      readonly errors: readonly Error[];
    }
  | { readonly status: 'error'; readonly reason: string; readonly message: string; readonly error: Error };

/**
 * What came of one image volume of a pod.
 *
 * @public
 */
export interface ImageVolumeResult {
  /** The name of the volume. */
  readonly volume: string;
  /** The image, as the volume names it. */
  readonly reference: string;
  /** What came of the image. */
  readonly result: EnsureImageResult;
  /** What to mount; `undefined` when the image is not there. */
  readonly image: MountedImage | undefined;
}

/**
 * Kubelet's image manager.
 *
 * @public
 */
export interface ImageManager {
  /**
   * Does for one image what kubelet's `EnsureImageExists` does. It resolves for every outcome that a pod can meet; it
   * rejects with the signal's reason when it is aborted.
   */
  ensureImageExists(request: EnsureImageRequest): Promise<EnsureImageResult>;
  /**
   * The same at the start of a container, with the policy that it has or gets by default, and with the event that
   * kubelet adds to every failure, `Error: <reason>`. Rejects with `ERR_OPTION_INVALID` for a name that the pod does not
   * have.
   */
  ensureContainerImage(request: ContainerImageRequest): Promise<EnsureImageResult>;
  /** Brings the images of all image volumes, one after the other; the results are by the name of the volume. */
  ensureImageVolumes(request: PodImageRequest): Promise<ReadonlyMap<string, ImageVolumeResult>>;
  /**
   * What kubelet does at its start with the intents of pulls that were interrupted: an image that is there by now gets a
   * record without credentials, so that all pods have to show some. It happens by itself before the first image is asked
   * for; called sooner, it rejects with what went wrong. Resolves to the image strings.
   */
  recoverIntents(options?: CallOptions): Promise<readonly string[]>;
  /**
   * Forgets the records of images that the runtime does not have any more, as kubelet does after a garbage collection.
   * `startedAt` is when that began, by `now()` of the manager's clock: what was recorded since then stays. Resolves to the
   * `imageRef`s that are forgotten.
   */
  pruneRecords(options: CallOptions & { readonly startedAt: number }): Promise<readonly string[]>;
  /** How busy the manager is now. */
  readonly stats: ImageManagerStats;
}

/**
 * How busy an image manager is.
 *
 * @public
 */
export interface ImageManagerStats {
  /** Pulls under way. */
  readonly pulling: number;
  /** Pulls that wait for their turn. */
  readonly queued: number;
  /** Pods and images that failed not long ago. */
  readonly inBackoff: number;
}
