import type { DockerConfigEntry } from '../docker-config/index.js';
import type { PresentImage, PullExplanation } from '../explain/index.js';
import type { LookupResult } from '../keyring/index.js';
import type { PodLike } from '../kubernetes/index.js';
import type { SecretLike, ServiceAccountLike } from '../pull-secrets/index.js';
import type { FailureExplanation } from './explain-failure.js';

/**
 * What is read of the status of a container.
 *
 * @public
 */
export interface ContainerStatusLike {
  /** The name of the container. */
  readonly name?: string | undefined;
  /** The id or digest of the image that runs, in the runtime's form; empty before the image is there. */
  readonly imageID?: string | undefined;
  /** The state now: one of `waiting`, `running` and `terminated`. */
  readonly state?:
    | {
        readonly waiting?: { readonly reason?: string | undefined; readonly message?: string | undefined } | undefined;
        readonly running?: object | undefined;
        readonly terminated?: object | undefined;
      }
    | undefined;
}

/**
 * A pod with what is read of its status. Objects of `@kubernetes/client-node` and parsed JSON fit.
 *
 * @public
 */
export interface PodWithStatusLike extends PodLike {
  /** `Pod`; it may be absent, as in the items of a list. */
  readonly kind?: string | undefined;
  /** The statuses of the containers, as kubelet reports them. */
  readonly status?:
    | {
        readonly initContainerStatuses?: readonly ContainerStatusLike[] | undefined;
        readonly containerStatuses?: readonly ContainerStatusLike[] | undefined;
        readonly ephemeralContainerStatuses?: readonly ContainerStatusLike[] | undefined;
      }
    | undefined;
}

/**
 * What is read of an event of a pod, of either API.
 *
 * @public
 */
export interface PodEventLike {
  /** The reason of the event, such as `Failed` or `BackOff`. */
  readonly reason?: string | undefined;
  /** The message of the event, in the core API. */
  readonly message?: string | undefined;
  /** The message, in `events.k8s.io`. */
  readonly note?: string | undefined;
  /** What the event is about, in the core API. */
  readonly involvedObject?: EventObjectLike | undefined;
  /** The object, in `events.k8s.io`. */
  readonly regarding?: EventObjectLike | undefined;
}

/**
 * What an event is about.
 *
 * @public
 */
export interface EventObjectLike {
  /** The namespace of the object; absent or empty for `default`. */
  readonly namespace?: string | undefined;
  /** The name of the object. */
  readonly name?: string | undefined;
  /** The UID of the object; absent or empty matches any. */
  readonly uid?: string | undefined;
  /** Such as `spec.initContainers{migrate}`. */
  readonly fieldPath?: string | undefined;
}

/**
 * What surrounds the pods whose images are to be explained.
 *
 * @public
 */
export interface ExplainPodOptions {
  /** Secrets of any namespace. Those that a pod names and that are not here count as missing. @defaultValue none */
  readonly secrets?: Iterable<SecretLike> | undefined;
  /**
   * Service accounts of any namespace, to be applied to pods and templates that were not admitted yet: those without a uid.
   *
   * @defaultValue none
   */
  readonly serviceAccounts?: Iterable<ServiceAccountLike> | undefined;
  /** The entries of the docker config of the nodes. @defaultValue none */
  readonly nodeConfig?: readonly DockerConfigEntry[] | undefined;
  /**
   * Events in the order of their times, as `kubectl get events` gives them: the cause of a pull that is in back-off may stand in
   * an event only. The last that tells a cause counts.
   *
   * @defaultValue none
   */
  readonly events?: Iterable<PodEventLike> | undefined;
  /**
   * Tells what a keyring answered for an image that has to be asked, such as that of `openNodeKeyring`. It comes last, after the
   * secrets and `nodeConfig`.
   *
   * @defaultValue none
   */
  readonly nodeLookup?: ((image: string) => LookupResult | undefined) | undefined;
  /** Tells what the node has of an image. @defaultValue it is not there */
  readonly present?: ((image: string) => PresentImage | undefined) | undefined;
}

/**
 * One image of a pod: what kubelet decides about it, and what has come of it.
 *
 * @public
 */
export interface ContainerExplanation {
  /** The pod or the object with the template; an object without a namespace is in `default`. */
  readonly namespace: string;
  /** The name of that object, or the `generateName` that it is made from; empty when it has neither. */
  readonly pod: string;
  /** Every decision before the first byte; `pull.policy` has the container, its image, and its place in the object. */
  readonly pull: PullExplanation;
  /** What the status of the pod says of the container; `undefined` for image volumes, and without a status. */
  readonly state: 'waiting' | 'running' | 'terminated' | undefined;
  /** Why the container waits, such as `ImagePullBackOff` or `PodInitializing`. */
  readonly reason: string | undefined;
  /** What the node says of the failed pull of this image; `undefined` when it says of none. */
  readonly failure: FailureExplanation | undefined;
}
