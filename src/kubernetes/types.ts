/**
 * When an image is pulled: `imagePullPolicy` of a container, `pullPolicy` of an image volume.
 *
 * @public
 */
export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';

/**
 * What is read of a container of any kind. Objects of `@kubernetes/client-node`, parsed YAML and literals all fit.
 *
 * @public
 */
export interface ContainerLike {
  /** The name of the container, by which its status is found. */
  readonly name?: string | undefined;
  /** The image as it is written; in a template it may be absent or empty. */
  readonly image?: string | undefined;
  /** `Always`, `IfNotPresent` or `Never`; absent until the API server fills it in. */
  readonly imagePullPolicy?: string | undefined;
}

/**
 * What is read of a volume: only its image source.
 *
 * @public
 */
export interface VolumeLike {
  /** The name of the volume. */
  readonly name?: string | undefined;
  /** The image of an image volume; absent for every other kind of volume. */
  readonly image?: ImageVolumeLike | undefined;
}

/**
 * The `image` source of a volume.
 *
 * @public
 */
export interface ImageVolumeLike {
  /** The image as it is written. */
  readonly reference?: string | undefined;
  /** `Always`, `IfNotPresent` or `Never`; absent until the API server fills it in. */
  readonly pullPolicy?: string | undefined;
}

/**
 * An entry of `imagePullSecrets`.
 *
 * @public
 */
export interface LocalObjectReferenceLike {
  /** The name of an object in the pod's own namespace. */
  readonly name?: string | undefined;
}

/**
 * What is read of a pod's `spec`, which is also the `spec` of a pod template.
 *
 * @public
 */
export interface PodSpecLike {
  /** The regular containers. */
  readonly containers?: readonly ContainerLike[] | undefined;
  /** The init containers, sidecars included. */
  readonly initContainers?: readonly ContainerLike[] | undefined;
  /** The ephemeral containers, such as `kubectl debug` adds. */
  readonly ephemeralContainers?: readonly ContainerLike[] | undefined;
  /** The volumes; only image volumes matter here. */
  readonly volumes?: readonly VolumeLike[] | undefined;
  /** The pull secrets by name, in the order in which kubelet reads them. */
  readonly imagePullSecrets?: readonly LocalObjectReferenceLike[] | undefined;
  /** The service account; a pod without pull secrets gets those of the account at its creation. */
  readonly serviceAccountName?: string | undefined;
  /** The deprecated name of the same field, which counts where the other is empty. */
  readonly serviceAccount?: string | undefined;
}

/**
 * What is read of an object's `metadata`.
 *
 * @public
 */
export interface MetadataLike {
  /** The name of the object. */
  readonly name?: string | undefined;
  /** The beginning of a name that the API server completes, for an object without `name`. */
  readonly generateName?: string | undefined;
  /** The namespace of the object; absent or empty counts as `default`. */
  readonly namespace?: string | undefined;
  /** The UID of the object; absent until the API server has stored it. */
  readonly uid?: string | undefined;
  /** The annotations of the object. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * A pod, as far as this library reads one. Objects of `@kubernetes/client-node`, parsed YAML and literals all fit; what
 * is not named here is carried along untouched.
 *
 * @public
 */
export interface PodLike {
  /** Name, namespace, UID and annotations of the pod. */
  readonly metadata?: MetadataLike | undefined;
  /** The containers, volumes and pull secrets of the pod. */
  readonly spec?: PodSpecLike | undefined;
}

/**
 * A pod template, as the kinds that make pods hold one.
 *
 * @public
 */
export interface PodTemplateLike {
  /** The `spec` of the pods that are made from it. */
  readonly spec?: PodSpecLike | undefined;
}

/**
 * An object that holds a pod's `spec`: a Pod, or any of the kinds that make pods from a template.
 *
 * @public
 */
export interface WorkloadLike extends PodLike {
  /** The kind of the object, such as `Deployment`. */
  readonly kind?: string | undefined;
  /** The `spec` of a Pod, or that of a workload, which has a pod template in it. */
  readonly spec?: WorkloadSpecLike | undefined;
  /** Of a PodTemplate. */
  readonly template?: PodTemplateLike | undefined;
}

/**
 * The `spec` of a {@link WorkloadLike}: a pod's own, or one with a template in it.
 *
 * @public
 */
export interface WorkloadSpecLike extends PodSpecLike {
  /** The template that the workload makes its pods from; a Pod and a CronJob have none here. */
  readonly template?: PodTemplateLike | undefined;
  /** Of a CronJob. */
  readonly jobTemplate?: JobTemplateLike | undefined;
}

/**
 * The job template of a CronJob.
 *
 * @public
 */
export interface JobTemplateLike {
  /** The `spec` of the Job, with its pod template. */
  readonly spec?: { readonly template?: PodTemplateLike | undefined } | undefined;
}

/**
 * A List of the API, as `kubectl get -o json` prints one.
 *
 * @public
 */
export interface WorkloadListLike {
  /** `List`, or the kind of a typed list such as `PodList`. */
  readonly kind?: string | undefined;
  /** The objects of the list, of any kind. */
  readonly items: readonly unknown[];
}
