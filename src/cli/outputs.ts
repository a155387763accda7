import type { LintCode, LintSeverity } from '../lint/index.js';
import type { PullExplanation } from '../explain/index.js';
import type { LeftImage } from '../pin/index.js';
import type { ImageCheck, ImageUse } from '../preflight/index.js';
import type { ContainerExplanation, FailureCause, FailureExplanation } from '../failures/index.js';

/**
 * An object of the input: a pod, a workload, a secret.
 *
 * @public
 */
export interface OutputObject {
  /** The kind of the object, such as `Pod` or `Deployment`. */
  readonly kind: string;
  /** Its namespace; empty where it has none. */
  readonly namespace: string;
  /** Its name; empty where it has none. */
  readonly name: string;
  /** The file, and where in it. */
  readonly place: string;
}

/**
 * What `kubepull explain --json` prints.
 *
 * @public
 */
export interface ExplainOutput {
  /** The command that printed this. */
  readonly command: 'explain';
  /** The version of this schema. */
  readonly version: 1;
  /** Empty for a message. */
  readonly images: readonly ExplainedImage[];
  /** What `--message` told; `null` for files and images. */
  readonly message: ToldFailure | null;
}

/**
 * One image in {@link ExplainOutput}: a `ContainerExplanation`, without what only this process can use.
 *
 * @public
 */
export interface ExplainedImage {
  /** `null` for an image that was named by itself. */
  readonly object: OutputObject | null;
  /** The container, or the image volume: its name, its kind, and the path of its image in the object. */
  readonly container: { readonly name: string; readonly kind: string; readonly path: string };
  /** The image as it is written. */
  readonly image: string;
  /** What the status of the pod says of the container; `null` without a status. */
  readonly state: NonNullable<ContainerExplanation['state']> | null;
  /** Why it waits, such as `ImagePullBackOff`. */
  readonly reason: string | null;
  /** What the node says of the failed pull, in the status or an event. */
  readonly told: ToldFailure | null;
  /** The pull policy, and why it is that one. */
  readonly policy: { readonly policy: string; readonly reason: string };
  /** `null` when the image is no name. */
  readonly name: string | null;
  /** The image as the runtime is asked for it; `null` when it is no name. */
  readonly runtimeImage: string | null;
  /** Which pull secrets are listed, found, missing and unusable. */
  readonly pullSecrets: {
    readonly listedBy: PullExplanation['listedBy'];
    readonly found: readonly string[];
    readonly missing: readonly string[];
    readonly message: string | null;
    readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  };
  /** `null` when the name or a secret is malformed. */
  readonly credentials: {
    readonly tried: readonly {
      readonly rank: number;
      readonly key: string;
      readonly source: string;
      readonly rule: string;
      readonly cutsSegment: boolean;
    }[];
    readonly notTried: readonly { readonly key: string | null; readonly source: string; readonly reason: string }[];
    readonly asked: readonly { readonly source: string; readonly outcome: string; readonly detail: string }[];
  } | null;
  /** Whether the image that is there is used, pulled or refused, and why; `null` when that is not known. */
  readonly decision: { readonly action: 'use' | 'pull' | 'fail'; readonly reason: string } | null;
  /** How the container waits when no pull is tried; `null` when it does not. */
  readonly failure: { readonly reason: string; readonly message: string } | null;
  /** What is wrong with the name or a secret. */
  readonly error: string | null;
}

/**
 * A failure that a node told, with its cause and cure: a `FailureExplanation`, in which `null` stands for what the text does not say.
 *
 * @public
 */
export interface ToldFailure {
  /** What went wrong, as a code. */
  readonly cause: FailureCause;
  /** The cause in a few words. */
  readonly title: string;
  /** What to do about it. */
  readonly cure: string;
  /** The words of the message that told the cause; `null` when there are none. */
  readonly words: string | null;
  /** The reason of the Event or of the waiting container; `null` when none was given. */
  readonly reason: string | null;
  /** The image that the message names. */
  readonly image: string | null;
  /** What to write in its place, where that is known. */
  readonly suggestion: string | null;
  /** The registry that the message names. */
  readonly registry: string | null;
  /** The host that could not be reached, which may be a token server. */
  readonly host: string | null;
  /** The HTTP status that the message names. */
  readonly status: number | null;
  /** The container runtime that wrote the message, where it can be told. */
  readonly runtime: NonNullable<FailureExplanation['runtime']> | null;
}

/**
 * What `kubepull preflight --json` prints: a `PreflightReport`, without what only this process can use.
 *
 * @public
 */
export interface PreflightOutput {
  /** The command that printed this. */
  readonly command: 'preflight';
  /** The version of this schema. */
  readonly version: 1;
  /** Whether no image failed. */
  readonly ok: boolean;
  /** Whether registries were asked. */
  readonly network: boolean;
  /** How many pods were looked at, those of workloads included. */
  readonly pods: number;
  /** How many images cannot be pulled. */
  readonly failed: number;
  /** One for each image. */
  readonly images: readonly CheckedImage[];
  /** How many bytes all images together still need, for each platform. */
  readonly totals: readonly { readonly platform: string; readonly missingBytes: number }[];
  /** What registries said of their rate limits. */
  readonly rateLimits: readonly RateLimitOutput[];
}

/**
 * One image in {@link PreflightOutput}.
 *
 * @public
 */
export interface CheckedImage {
  /** The image as it is written. */
  readonly image: string;
  /** `null` when the image is no name. */
  readonly name: string | null;
  /** Whether it can be pulled. */
  readonly status: ImageCheck['status'];
  /** Why it cannot; `null` when it can. */
  readonly failure: {
    readonly cause: FailureCause;
    readonly title: string;
    readonly cure: string;
    readonly message: string;
  } | null;
  /** Empty for an image that was named by itself. */
  readonly usedBy: readonly (ImageUse & {
    /** The file, and where in it. */
    readonly place: string;
  })[];
  /** The endpoints and credentials that a pull tries, in order. */
  readonly planned: readonly PlannedOutput[];
  /** What gave the manifest out, and for which credential. */
  readonly served: PlannedOutput | null;
  /** What came of each that was tried. */
  readonly attempts: readonly (PlannedOutput & {
    readonly cause: FailureCause;
    readonly code: string;
    readonly message: string;
  })[];
  /** The digest of the manifest or index; `null` when it was not found. */
  readonly digest: string | null;
  /** The platforms that the image has. */
  readonly available: readonly string[];
  /** What each wanted platform needs. */
  readonly platforms: readonly {
    readonly platform: string;
    readonly digest: string | null;
    readonly contents: number;
    readonly bytes: number;
    readonly missing: number;
    readonly missingBytes: number;
    /** Why nodes of this platform get nothing. */
    readonly cause: FailureCause | null;
  }[];
  /** Listed pull secrets that are not there. */
  readonly missingSecrets: readonly string[];
  /** What could not be found out, and may change the answer. */
  readonly unknown: ImageCheck['unknown'];
}

/**
 * What would be tried, or was: an endpoint with a credential.
 *
 * @public
 */
export interface PlannedOutput {
  /** The address that is asked. */
  readonly endpoint: string;
  /** The place of the attempt in the order of trying, from 1. */
  readonly rank: number;
  /** Where the credential comes from, in words; no secret. */
  readonly source: string;
}

/** What is left of a registry's rate limit. @public */
export interface RateLimitOutput {
  /** The registry that said it. */
  readonly origin: string;
  /** Pulls that are allowed in a window; `null` when it was not said. */
  readonly limit: number | null;
  /** Pulls that are left in it. */
  readonly remaining: number | null;
  /** How long a window is, in seconds. */
  readonly windowSeconds: number | null;
}

/**
 * What `kubepull pin --json` prints.
 *
 * @public
 */
export interface PinOutput {
  /** The command that printed this. */
  readonly command: 'pin';
  /** The version of this schema. */
  readonly version: 1;
  /** Every image that gets a digest. */
  readonly changes: readonly {
    /** The file; empty for an image that was named by itself. */
    readonly place: string;
    readonly path: string;
    readonly from: string;
    readonly to: string;
    readonly digest: string;
  }[];
  /** Every image that stays as it is, and why. */
  readonly left: readonly {
    readonly place: string;
    readonly path: string;
    readonly image: string;
    readonly reason: LeftImage['reason'];
    readonly message: string;
  }[];
}

/**
 * What `kubepull lint --json` prints.
 *
 * @public
 */
export interface LintOutput {
  /** The command that printed this. */
  readonly command: 'lint';
  /** The version of this schema. */
  readonly version: 1;
  /** What is wrong. */
  readonly findings: readonly LintedFinding[];
  /** How many findings there are of each severity. */
  readonly counts: Readonly<Record<LintSeverity, number>>;
}

/**
 * One finding in {@link LintOutput}.
 *
 * @public
 */
export interface LintedFinding {
  /** What it was found in: an object, or a docker config or an image with no more than its place. */
  readonly object: OutputObject | { readonly kind: 'DockerConfig' | 'Image'; readonly place: string };
  /** The rule, as a code. */
  readonly code: LintCode;
  /** How bad it is. */
  readonly severity: LintSeverity;
  /** The path of the field. */
  readonly place: string;
  /** What is wrong with it. */
  readonly message: string;
  /** What to do about it. */
  readonly cure: string;
  /** What to write in its place; `null` when that is not known. */
  readonly suggestion: string | null;
}

/**
 * What `kubepull pull --json` prints.
 *
 * @public
 */
export interface PullOutput {
  /** The command that printed this. */
  readonly command: 'pull';
  /** The version of this schema. */
  readonly version: 1;
  /** Where the images that were pulled are. */
  readonly target: { readonly kind: 'layout' | 'archive'; readonly path: string };
  /** One for each image. */
  readonly images: readonly PulledOutput[];
}

/**
 * One image in {@link PullOutput}.
 *
 * @public
 */
export type PulledOutput =
  | {
      readonly image: string;
      readonly status: 'pulled';
      readonly name: string;
      /** The digest of the image's config. */
      readonly imageRef: string;
      readonly repoDigest: string;
      readonly platform: string | null;
      /** Where the accepted credential came from. */
      readonly source: string;
      readonly attempts: readonly FailedAttempt[];
    }
  | {
      readonly image: string;
      readonly status: 'failed';
      readonly error: { readonly code: string; readonly message: string };
      readonly attempts: readonly FailedAttempt[];
    };

/**
 * A credential that was refused, or an endpoint that failed.
 *
 * @public
 */
export interface FailedAttempt {
  /** Where the credential came from, in words; no secret. */
  readonly source: string;
  /** The code of the error. */
  readonly code: string;
  /** The error in words; no secret. */
  readonly message: string;
}
