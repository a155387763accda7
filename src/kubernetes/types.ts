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
  readonly name?: string | undefined;
  readonly image?: string | undefined;
  readonly imagePullPolicy?: string | undefined;
}

/**
 * What is read of a volume: only its image source.
 *
 * @public
 */
export interface VolumeLike {
  readonly name?: string | undefined;
  readonly image?: ImageVolumeLike | undefined;
}

/**
 * The `image` source of a volume.
 *
 * @public
 */
export interface ImageVolumeLike {
  readonly reference?: string | undefined;
  readonly pullPolicy?: string | undefined;
}

/**
 * An entry of `imagePullSecrets`.
 *
 * @public
 */
export interface LocalObjectReferenceLike {
  readonly name?: string | undefined;
}

/**
 * What is read of a pod's `spec`, which is also the `spec` of a pod template.
 *
 * @public
 */
export interface PodSpecLike {
  readonly containers?: readonly ContainerLike[] | undefined;
  readonly initContainers?: readonly ContainerLike[] | undefined;
  readonly ephemeralContainers?: readonly ContainerLike[] | undefined;
  readonly volumes?: readonly VolumeLike[] | undefined;
  readonly imagePullSecrets?: readonly LocalObjectReferenceLike[] | undefined;
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
  readonly name?: string | undefined;
  readonly generateName?: string | undefined;
  readonly namespace?: string | undefined;
  readonly uid?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * A pod, as far as this library reads one. Objects of `@kubernetes/client-node`, parsed YAML and literals all fit; what
 * is not named here is carried along untouched.
 *
 * @public
 */
export interface PodLike {
  readonly metadata?: MetadataLike | undefined;
  readonly spec?: PodSpecLike | undefined;
}

/**
 * A pod template, as the kinds that make pods hold one.
 *
 * @public
 */
export interface PodTemplateLike {
  readonly spec?: PodSpecLike | undefined;
}

/**
 * An object that holds a pod's `spec`: a Pod, or any of the kinds that make pods from a template.
 *
 * @public
 */
export interface WorkloadLike extends PodLike {
  readonly kind?: string | undefined;
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
  readonly spec?: { readonly template?: PodTemplateLike | undefined } | undefined;
}

/**
 * A List of the API, as `kubectl get -o json` prints one.
 *
 * @public
 */
export interface WorkloadListLike {
  readonly kind?: string | undefined;
  readonly items: readonly unknown[];
}
