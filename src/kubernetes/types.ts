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
  /** The name of the container. */
  readonly name?: string | undefined;
  /** The image as it is written. */
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
  /** The image that the volume is, where it is one. */
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
  /** The name of the object, in the namespace of the pod. */
  readonly name?: string | undefined;
}

/**
 * What is read of a pod's `spec`, which is also the `spec` of a pod template.
 *
 * @public
 */
export interface PodSpecLike {
  /** The containers. */
  readonly containers?: readonly ContainerLike[] | undefined;
  /** The init containers, which run first. */
  readonly initContainers?: readonly ContainerLike[] | undefined;
  /** The ephemeral containers, which `kubectl debug` adds. */
  readonly ephemeralContainers?: readonly ContainerLike[] | undefined;
  /** The volumes, some of which may be images. */
  readonly volumes?: readonly VolumeLike[] | undefined;
  /** The pull secrets, in the order in which they are merged. */
  readonly imagePullSecrets?: readonly LocalObjectReferenceLike[] | undefined;
  /** The service account, whose pull secrets the API server copies. */
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
  /** What its name is made from, where it has none yet. */
  readonly generateName?: string | undefined;
  /** The namespace of the object. */
  readonly namespace?: string | undefined;
  /** The UID of the object. */
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
  /** The name of the pod, and more. */
  readonly metadata?: MetadataLike | undefined;
  /** What is to run. */
  readonly spec?: PodSpecLike | undefined;
}

/**
 * A pod template, as the kinds that make pods hold one.
 *
 * @public
 */
export interface PodTemplateLike {
  /** What is to run. */
  readonly spec?: PodSpecLike | undefined;
}

/**
 * An object that holds a pod's `spec`: a Pod, or any of the kinds that make pods from a template.
 *
 * @public
 */
export interface WorkloadLike extends PodLike {
  /** The kind, such as `Deployment`. */
  readonly kind?: string | undefined;
  /** What the workload makes its pods from. */
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
  /** The pod that the workload makes. */
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
  /** What the job makes its pods from. */
  readonly spec?: { readonly template?: PodTemplateLike | undefined } | undefined;
}

/**
 * A List of the API, as `kubectl get -o json` prints one.
 *
 * @public
 */
export interface WorkloadListLike {
  /** `List`, or the kind of a typed list. */
  readonly kind?: string | undefined;
  /** The objects of the list. */
  readonly items: readonly unknown[];
}
