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
  readonly kind?: string | undefined;
  readonly request?: AdmissionRequestLike | undefined;
}

/**
 * The request in it.
 *
 * @public
 */
export interface AdmissionRequestLike {
  readonly uid: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string };
  readonly subResource?: string | undefined;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
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
  readonly apiVersion: 'admission.k8s.io/v1';
  readonly kind: 'AdmissionReview';
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
  readonly allowed: boolean;
  /** Of a refusal. */
  readonly status?: AdmissionStatus;
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
  readonly status: 'Failure';
  readonly code: 403 | 422;
  readonly reason: 'Forbidden' | 'Invalid';
  readonly message: string;
}
