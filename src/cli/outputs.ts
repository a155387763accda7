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
  readonly kind: string;
  readonly namespace: string;
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
  readonly command: 'explain';
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
  readonly container: { readonly name: string; readonly kind: string; readonly path: string };
  readonly image: string;
  /** What the status of the pod says of the container; `null` without a status. */
  readonly state: NonNullable<ContainerExplanation['state']> | null;
  /** Why it waits, such as `ImagePullBackOff`. */
  readonly reason: string | null;
  /** What the node says of the failed pull, in the status or an event. */
  readonly told: ToldFailure | null;
  readonly policy: { readonly policy: string; readonly reason: string };
  /** `null` when the image is no name. */
  readonly name: string | null;
  readonly runtimeImage: string | null;
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
  readonly cause: FailureCause;
  readonly title: string;
  readonly cure: string;
  readonly words: string | null;
  readonly reason: string | null;
  readonly image: string | null;
  readonly suggestion: string | null;
  readonly registry: string | null;
  readonly host: string | null;
  readonly status: number | null;
  readonly runtime: NonNullable<FailureExplanation['runtime']> | null;
}

/**
 * What `kubepull preflight --json` prints: a `PreflightReport`, without what only this process can use.
 *
 * @public
 */
export interface PreflightOutput {
  readonly command: 'preflight';
  readonly version: 1;
  /** Whether no image failed. */
  readonly ok: boolean;
  /** Whether registries were asked. */
  readonly network: boolean;
  readonly pods: number;
  readonly failed: number;
  readonly images: readonly CheckedImage[];
  readonly totals: readonly { readonly platform: string; readonly missingBytes: number }[];
  readonly rateLimits: readonly RateLimitOutput[];
}

/**
 * One image in {@link PreflightOutput}.
 *
 * @public
 */
export interface CheckedImage {
  readonly image: string;
  /** `null` when the image is no name. */
  readonly name: string | null;
  readonly status: ImageCheck['status'];
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
  readonly planned: readonly PlannedOutput[];
  /** What gave the manifest out, and for which credential. */
  readonly served: PlannedOutput | null;
  readonly attempts: readonly (PlannedOutput & {
    readonly cause: FailureCause;
    readonly code: string;
    readonly message: string;
  })[];
  readonly digest: string | null;
  readonly available: readonly string[];
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
  readonly missingSecrets: readonly string[];
  readonly unknown: ImageCheck['unknown'];
}

/**
 * What would be tried, or was: an endpoint with a credential.
 *
 * @public
 */
export interface PlannedOutput {
  readonly endpoint: string;
  readonly rank: number;
  readonly source: string;
}

/**
 * What is left of a registry's rate limit.
 *
 * @public
 */
export interface RateLimitOutput {
  readonly origin: string;
  readonly limit: number | null;
  readonly remaining: number | null;
  readonly windowSeconds: number | null;
}

/**
 * What `kubepull pin --json` prints.
 *
 * @public
 */
export interface PinOutput {
  readonly command: 'pin';
  readonly version: 1;
  readonly changes: readonly {
    /** The file; empty for an image that was named by itself. */
    readonly place: string;
    readonly path: string;
    readonly from: string;
    readonly to: string;
    readonly digest: string;
  }[];
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
  readonly command: 'lint';
  readonly version: 1;
  readonly findings: readonly LintedFinding[];
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
  readonly code: LintCode;
  readonly severity: LintSeverity;
  readonly place: string;
  readonly message: string;
  readonly cure: string;
  readonly suggestion: string | null;
}

/**
 * What `kubepull pull --json` prints.
 *
 * @public
 */
export interface PullOutput {
  readonly command: 'pull';
  readonly version: 1;
  /** Where the images that were pulled are. */
  readonly target: { readonly kind: 'layout' | 'archive'; readonly path: string };
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
  readonly source: string;
  readonly code: string;
  readonly message: string;
}
