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
  /** `AdmissionReview`, where the API server says so. */
  readonly kind?: string | undefined;
  /** What is asked; a review without it cannot be answered. */
  readonly request?: AdmissionRequestLike | undefined;
}

/**
 * The request in it.
 *
 * @public
 */
export interface AdmissionRequestLike {
  /** The name of this question, which the answer repeats. */
  readonly uid: string;
  /** The kind of the object, such as `v1` `Pod`. */
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  /** The resource that is written, such as `pods`. */
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string };
  /** The part of it that is written, such as `ephemeralcontainers`; absent or empty for the whole. */
  readonly subResource?: string | undefined;
  /** The name of the object; absent while the API server has still to make one. */
  readonly name?: string | undefined;
  /** The namespace of the object. */
  readonly namespace?: string | undefined;
  /** `CREATE`, `UPDATE`, `DELETE` or `CONNECT`. */
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
  /** The version of the answer, the only one that the API server takes. */
  readonly apiVersion: 'admission.k8s.io/v1';
  /** The kind of the answer. */
  readonly kind: 'AdmissionReview';
  /** What is answered. */
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
  /** Whether the write may go on. */
  readonly allowed: boolean;
  /** Of a refusal. */
  readonly status?: AdmissionStatus;
  /** The form of `patch`; there only with a patch. */
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
  /** Always `Failure`: an answer that admits has no status. */
  readonly status: 'Failure';
  /** The HTTP status of the refusal: 403 for what a rule forbids, 422 for a field that is wrong. */
  readonly code: 403 | 422;
  /** The API server's word for `code`. */
  readonly reason: 'Forbidden' | 'Invalid';
  /** What the one who wrote the object reads. */
  readonly message: string;
}
