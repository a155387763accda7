import type { ReleaseOptions } from '../kubernetes/index.js';
import type { PinOptions, ResolveDigest } from '../pin/index.js';
import type { ImageRules } from '../rules/index.js';

/**
 * An AdmissionReview as the API server sends it, as far as it is read.
 *
 * @public
 */
export interface AdmissionReviewLike {
  /** `admission.k8s.io/v1`. */
  readonly apiVersion?: string | undefined;
  /** Always `AdmissionReview`; anything else is refused. */
  readonly kind?: string | undefined;
  /** What is asked; a review without it is refused. */
  readonly request?: AdmissionRequestLike | undefined;
}

/**
 * The request in it.
 *
 * @public
 */
export interface AdmissionRequestLike {
  /** The id of this request, which the answer repeats. It is not the UID of the object. */
  readonly uid: string;
  /** The kind of the object with its API group and version, such as `apps`, `v1` and `Deployment`. */
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  /** The resource of the request, such as `pods`; messages name the object by it. */
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string };
  /** The subresource of the request, such as `ephemeralcontainers`; absent or empty for the object itself. */
  readonly subResource?: string | undefined;
  /** The name of the object; absent or empty at a creation where the API server makes the name. */
  readonly name?: string | undefined;
  /** The namespace of the object; absent or empty for an object without one. */
  readonly namespace?: string | undefined;
  /** `CREATE`, `UPDATE`, `DELETE` or `CONNECT`; the last two are admitted without a look at images. */
  readonly operation: string;
  /** The object as it would be stored; `null` for a deletion. */
  readonly object?: object | null | undefined;
  /** The object as it is stored; `null` for a creation. */
  readonly oldObject?: object | null | undefined;
}

/**
 * What a webhook wants of images.
 *
 * @public
 */
export interface AdmissionRules extends ReleaseOptions {
  /**
   * Whether the answer is that of a webhook of a `MutatingWebhookConfiguration`, which may change the object, or of a
   * `ValidatingWebhookConfiguration`, which sees what all others made of it and has the last word.
   */
  readonly phase: 'mutating' | 'validating';
  /** Which images may be used, in both phases. Of an update only images that are new are judged. @defaultValue every image */
  readonly images?: ImageRules | undefined;
  /**
   * What the admission plugin `AlwaysPullImages` does with pods: it sets every pull policy, and refuses what is none after it.
   *
   * @defaultValue `false`
   */
  readonly alwaysPullImages?: boolean | undefined;
  /**
   * Whether missing pull policies are filled in as the API server does, when mutating. It has done so before a webhook is asked, so this
   * is for objects that come another way.
   *
   * @defaultValue `false`
   */
  readonly defaultPolicies?: boolean | undefined;
  /**
   * Whether images and pull policies are validated as the API server does, when validating. It does so itself after all that
   * mutate, so this is for objects that come another way.
   *
   * @defaultValue `false`
   */
  readonly validatePolicies?: boolean | undefined;
}

/**
 * The same for a mutating webhook that pins tags to digests.
 *
 * @public
 */
export interface PinnedAdmissionRules extends Omit<AdmissionRules, 'phase'>, Omit<PinOptions, 'only'> {
  /** Tells the digest of a tag. Of an update it is asked for images that are new. */
  readonly resolve: ResolveDigest;
  /**
   * What becomes of an object with an image whose digest is not found: a warning to the client, or a refusal.
   *
   * @defaultValue `'refuse'`
   */
  readonly unresolved?: 'refuse' | 'warn' | undefined;
}

/**
 * The answer to the API server, as an AdmissionReview. Send it as JSON with status 200, whatever it says.
 *
 * @public
 */
export interface AdmissionAnswer {
  /** The API version of the review, the same as in the request. */
  readonly apiVersion: 'admission.k8s.io/v1';
  /** Always `AdmissionReview`, as in the request. */
  readonly kind: 'AdmissionReview';
  /** The answer itself. */
  readonly response: AdmissionResponse;
}

/**
 * The response in it. Members that say nothing are left out.
 *
 * @public
 */
export interface AdmissionResponse {
  /** That of the request. */
  readonly uid: string;
  /** Whether the request is admitted. */
  readonly allowed: boolean;
  /** Why the request is refused; absent when it is admitted. */
  readonly status?: AdmissionStatus;
  /** The format of `patch`; absent where nothing is patched. */
  readonly patchType?: 'JSONPatch';
  /** A JSON Patch in base64. */
  readonly patch?: string;
  /** What the client is told although the object is admitted; kubectl prints each with `Warning:` in front. */
  readonly warnings?: readonly string[];
}

/**
 * Why an object is refused, in the words of the API server. It puts `admission webhook "…" denied the request: ` in front.
 *
 * @public
 */
export interface AdmissionStatus {
  /** Always `Failure`; an answer that admits has no status. */
  readonly status: 'Failure';
  /** The HTTP status for the client: 403 when a rule or `AlwaysPullImages` refuses, 422 when a field is not valid. */
  readonly code: 403 | 422;
  /** Kubernetes' word for the code: `Forbidden` for 403, `Invalid` for 422. */
  readonly reason: 'Forbidden' | 'Invalid';
  /** Why it is refused, for the user: kubectl prints it. */
  readonly message: string;
}
