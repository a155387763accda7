import type { CreateHasher } from '../digest/index.js';
import type { DockerConfigEntry } from '../docker-config/index.js';
import type { InvalidConfigError, InvalidReferenceError } from '../errors/index.js';
import type { LookupResult } from '../keyring/index.js';
import type { ContainerPullPolicy, PullDecision } from '../pull-policy/index.js';
import type { ImagePulledRecord, MustPullDecision, VerificationOptions } from '../image-access/index.js';
import type { SecretLike, ServiceAccountLike, SkippedSecret } from '../pull-secrets/index.js';
import type { ImageReference } from '../reference/index.js';

/**
 * What the node knows of an image that it has.
 *
 * @public
 */
export interface PresentImage {
  /** The runtime's id of the image. */
  readonly imageRef: string;
  /** Kubelet's record of the pull; `undefined` when the image was there before kubelet. */
  readonly record?: ImagePulledRecord | 'unreadable' | undefined;
  /** Whether a pull of this image string is under way or was interrupted. @defaultValue `false` */
  readonly intent?: boolean | undefined;
  /**
   * Kubelet's configuration; `false` for one that does not verify credentials, as with its feature gate off.
   *
   * @defaultValue that of kubelet: what it pulled itself is verified
   */
  readonly verification?: VerificationOptions | false | undefined;
  /** Where hashes come from: the record knows credentials by their hash. */
  readonly createHasher: CreateHasher;
}

/**
 * What surrounds the container whose pull is to be explained.
 *
 * @public
 */
export interface ExplainPullOptions {
  /**
   * The secrets of the pod's namespace. Those that the pod names and that are not here count as missing.
   *
   * @defaultValue none
   */
  readonly secrets?: Iterable<SecretLike> | undefined;
  /**
   * The pod's service account, to be applied as admission does; leave it out for a pod that was admitted.
   *
   * @defaultValue none
   */
  readonly serviceAccount?: ServiceAccountLike | undefined;
  /** The entries of the node's docker config. @defaultValue none */
  readonly nodeConfig?: readonly DockerConfigEntry[] | undefined;
  /**
   * The answer, for this image, of a keyring that has to be asked, such as that of `openNodeKeyring` or of a cloud. It
   * comes last, after the secrets and `nodeConfig`.
   *
   * @defaultValue none
   */
  readonly nodeLookup?: LookupResult | undefined;
  /** The image on the node. @defaultValue it is not there */
  readonly present?: PresentImage | undefined;
}

/**
 * How the container ends when no pull is attempted: the fields of `state.waiting`.
 *
 * @public
 */
export interface ExplainedFailure {
  /**
   * The waiting reason; of malformed secrets it is the decoder's text, as in kubelet. A static pod that kubelet refuses never
   * runs, so it is not seen waiting: both fields are then kubelet's message.
   */
  readonly reason: string;
  /** The waiting message, in kubelet's words; of malformed secrets the same text as `reason`. */
  readonly message: string;
}

/**
 * The pull secrets of a pod, by name.
 *
 * @public
 */
export interface ExplainedSecrets {
  /** In the order of the list. */
  readonly found: readonly string[];
  /** Those of the list that are not there, by name; kubelet goes on without them. */
  readonly missing: readonly string[];
  /** Kubelet's event text when some are missing. */
  readonly message: string | undefined;
}

/**
 * Everything that kubelet decides about one image before the first byte, with the reason of each decision.
 *
 * @public
 */
export interface PullExplanation {
  /** Container, image and pull policy. */
  readonly policy: ContainerPullPolicy;
  /** What credentials are looked up by; `undefined` when the image does not parse. */
  readonly name: ImageReference | undefined;
  /** What the runtime is asked for: the image with its default tag. */
  readonly runtimeImage: string | undefined;
  /** Why the image does not parse; `undefined` when it does. */
  readonly nameError: InvalidReferenceError | undefined;
  /** Where the list of pull secrets comes from. */
  readonly listedBy: 'pod' | 'service-account' | 'none';
  /** The secrets of the list, by name: their content is not for a ticket. */
  readonly secrets: ExplainedSecrets;
  /** Secrets that were found and give no entry. */
  readonly skipped: readonly SkippedSecret[];
  /** A malformed secret: kubelet then has no credentials at all. */
  readonly configError: InvalidConfigError | undefined;
  /** `undefined` when the name or a secret is malformed. */
  readonly lookup: LookupResult | undefined;
  /** `undefined` when the image is not present, or credentials are not verified. */
  readonly mustPull: MustPullDecision | undefined;
  /** `undefined` when it does not come to one: the image does not parse, or credentials are needed and cannot be read. */
  readonly decision: PullDecision | undefined;
  /** `undefined` when the image is used or pulled. */
  readonly failure: ExplainedFailure | undefined;
}
