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
  /** The kind of the object, such as `Pod` or `Deployment`; `Pod` where the object names none. */
  readonly kind: string;
  /** Its namespace; `default` where it names none. */
  readonly namespace: string;
  /** Its name, or the `generateName` that it is made from; empty where it has neither. */
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
  /** The command whose output this is. */
  readonly command: 'explain';
  /** The version of this format. */
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
  /** The container or image volume: its name, its kind, and its path in the object. */
  readonly container: { readonly name: string; readonly kind: string; readonly path: string };
  /** The image as it is written, without user and password. */
  readonly image: string;
  /** What the status of the pod says of the container; `null` without a status. */
  readonly state: NonNullable<ContainerExplanation['state']> | null;
  /** Why it waits, such as `ImagePullBackOff`. */
  readonly reason: string | null;
  /** What the node says of the failed pull, in the status or an event; `null` when it says of none. */
  readonly told: ToldFailure | null;
  /** The pull policy, and the reason for it. */
  readonly policy: { readonly policy: string; readonly reason: string };
  /** `null` when the image is no name. */
  readonly name: string | null;
  /** What the runtime is asked for: the image with its default tag; `null` when it is no name. */
  readonly runtimeImage: string | null;
  /** Who lists the pull secrets, which are found, missing, or give no entry, and kubelet's message on the missing. */
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
  /** Whether kubelet uses the image on the node, pulls it or fails, and why; `null` when it does not get so far. */
  readonly decision: { readonly action: 'use' | 'pull' | 'fail'; readonly reason: string } | null;
  /** How the container waits when no pull is tried: reason and message; `null` when the image is used or pulled. */
  readonly failure: { readonly reason: string; readonly message: string } | null;
  /** What is wrong with the name or a secret; `null` when nothing is. */
  readonly error: string | null;
}

/**
 * A failure that a node told, with its cause and cure: a `FailureExplanation`, in which `null` stands for what the text does not say.
 *
 * @public
 */
export interface ToldFailure {
  /** The cause as a code, such as `dns`; `unknown` for a text that is not known. */
  readonly cause: FailureCause;
  /** What has happened, in general. */
  readonly title: string;
  /** What to do about it. */
  readonly cure: string;
  /** The words of the text that tell the cause, with `…` for what is between; `null` for an unknown cause. */
  readonly words: string | null;
  /** Kubelet's word for the failure, such as `ErrImagePull`, the outermost of several; `null` when the text has none. */
  readonly reason: string | null;
  /** The image, as the text has it; `null` when it names none, or only a part of one. */
  readonly image: string | null;
  /** What was probably meant by an image that cannot be read; `null` when that is not clear. */
  readonly suggestion: string | null;
  /** The registry of the image, or else the one that was asked; `null` when the text does not tell. */
  readonly registry: string | null;
  /** The server that was asked: a registry, a mirror, a token server or a place for layers; `null` when it is not named. */
  readonly host: string | null;
  /** The HTTP status that the text names, such as 401; `null` when it names none. */
  readonly status: number | null;
  /** The container runtime that words it so; `null` when several do. */
  readonly runtime: NonNullable<FailureExplanation['runtime']> | null;
}

/**
 * What `kubepull preflight --json` prints: a `PreflightReport`, without what only this process can use.
 *
 * @public
 */
export interface PreflightOutput {
  /** The command whose output this is. */
  readonly command: 'preflight';
  /** The version of this format. */
  readonly version: 1;
  /** Whether no image failed. */
  readonly ok: boolean;
  /** Whether registries were asked. */
  readonly network: boolean;
  /** How many pods and pod templates were looked at. */
  readonly pods: number;
  /** How many of `images` have the status `failed`. */
  readonly failed: number;
  /** One for each image, by name; an image that is wanted with other credentials is here once more. */
  readonly images: readonly CheckedImage[];
  /** What all images together have to fetch, for each platform; content that several have counts once. */
  readonly totals: readonly { readonly platform: string; readonly missingBytes: number }[];
  /** What is left at each registry that tells its rate limit. */
  readonly rateLimits: readonly RateLimitOutput[];
}

/**
 * One image in {@link PreflightOutput}.
 *
 * @public
 */
export interface CheckedImage {
  /** The image as it is written, without user and password. */
  readonly image: string;
  /** `null` when the image is no name. */
  readonly name: string | null;
  /** `ok`, `failed`, or `unknown` when nothing failed that could be looked at, and something could not. */
  readonly status: ImageCheck['status'];
  /** Why it cannot be pulled; `null` unless `status` is `failed`. */
  readonly failure: {
    readonly cause: FailureCause;
    readonly title: string;
    readonly cure: string;
    readonly message: string;
  } | null;
  /** The containers and image volumes that name it; empty for an image that was named by itself. */
  readonly usedBy: readonly (ImageUse & {
    /** The file, and where in it. */
    readonly place: string;
  })[];
  /** What a pull would try, in order: each endpoint with each credential for it. */
  readonly planned: readonly PlannedOutput[];
  /** The attempt that got the manifest; `null` when none did. */
  readonly served: PlannedOutput | null;
  /** The attempts that failed, in order, also where another one succeeded. */
  readonly attempts: readonly (PlannedOutput & {
    readonly cause: FailureCause;
    readonly code: string;
    readonly message: string;
  })[];
  /** The digest of what the name leads to, an index or a manifest; `null` when it is not known. */
  readonly digest: string | null;
  /** The platforms that its index names; empty without an index. */
  readonly available: readonly string[];
  /** What a node of each wanted platform would get; empty when no manifest was read. */
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
  /** Pull secrets that the pods name and that are not there, as `namespace/name`. */
  readonly missingSecrets: readonly string[];
  /** What could not be found out, in a fixed order. */
  readonly unknown: ImageCheck['unknown'];
}

/**
 * What would be tried, or was: an endpoint with a credential.
 *
 * @public
 */
export interface PlannedOutput {
  /** The origin of the registry or mirror, such as `https://registry.example.com`. */
  readonly endpoint: string;
  /** The place among the credentials for this endpoint, from 1. */
  readonly rank: number;
  /** Where the credential comes from, in words; it holds no secret. */
  readonly source: string;
}

/** What is left of a registry's rate limit. @public */
export interface RateLimitOutput {
  /** The registry, such as `https://registry-1.docker.io`. */
  readonly origin: string;
  /** How many pulls are allowed in a window; `null` when the registry does not say. */
  readonly limit: number | null;
  /** How many of them are left; `null` when the registry does not say. */
  readonly remaining: number | null;
  /** How long a window is, in seconds; `null` when the registry does not say. */
  readonly windowSeconds: number | null;
}

/**
 * What `kubepull pin --json` prints.
 *
 * @public
 */
export interface PinOutput {
  /** The command whose output this is. */
  readonly command: 'pin';
  /** The version of this format. */
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
  /** The command whose output this is. */
  readonly command: 'lint';
  /** The version of this format. */
  readonly version: 1;
  /** Every finding, one object after the other. */
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
  /** The code of the rule that found it. */
  readonly code: LintCode;
  /** How bad it is: `error`, `warning` or `info`. */
  readonly severity: LintSeverity;
  /** Where it is in the object, such as `spec.containers[0].image`; empty for the whole. */
  readonly place: string;
  /** What is wrong there. */
  readonly message: string;
  /** What to do about it. */
  readonly cure: string;
  /** What to write instead of the key, image, type or policy at fault; `null` when that is not clear. */
  readonly suggestion: string | null;
}

/**
 * What `kubepull pull --json` prints.
 *
 * @public
 */
export interface PullOutput {
  /** The command whose output this is. */
  readonly command: 'pull';
  /** The version of this format. */
  readonly version: 1;
  /** Where the images that were pulled are. */
  readonly target: { readonly kind: 'layout' | 'archive'; readonly path: string };
  /** What became of each image. */
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
  /** Where the credential came from, in words; it holds no secret. */
  readonly source: string;
  /** The code of the error. */
  readonly code: string;
  /** The message of the error; it holds no secret. */
  readonly message: string;
}
